with incidents as (
    select * from {{ source('raw', 'pagerduty_incidents') }}
),

final as (
    select
        launch_id,
        id as incident_id,
        {{ json_text('record', 'service', 'id') }} as service_id,

        occurred_at as triggered_at,
        {{ as_moment(json_text('record', 'resolved_at')) }} as last_resolved_at,
        {{ as_moment(json_text('record', 'last_status_change_at')) }} as status_changed_at,

        cast({{ json_text('record', 'incident_number') }} as bigint) as incident_number,
        {{ json_text('record', 'title') }} as title,
        {{ json_text('record', 'status') }} as status,
        {{ json_text('record', 'service', 'summary') }} as service_name,
        coalesce({{ json_text('record', 'priority', 'summary') }}, {{ json_text('record', 'priority', 'name') }}) as priority_name
    from incidents
)

select * from final
