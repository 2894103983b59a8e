with incidents as (
    select * from {{ source('raw', 'pagerduty_incidents') }}
),

final as (
    select
        launch_id,
        id as incident_id,
        {{ json_text('record', 'service', 'id') }} as service_id,

        occurred_at as triggered_at,
        {{ readable_moment(json_text('record', 'resolved_at')) }} as last_resolved_at,
        {{ readable_moment(json_text('record', 'last_status_change_at')) }} as status_changed_at,

        case
            when {{ matches_fully(json_text('record', 'incident_number'), "'[0-9]{1,18}'") }}
                then cast({{ json_text('record', 'incident_number') }} as bigint)
        end as incident_number,
        {{ plain_text(json_text('record', 'title')) }} as title,
        {{ json_text('record', 'status') }} as status,
        {{ plain_text(json_text('record', 'service', 'summary')) }} as service_name,
        {{ plain_text(
            'coalesce(' ~ json_text('record', 'priority', 'summary') ~ ', ' ~ json_text('record', 'priority', 'name') ~ ')'
        ) }} as priority_name,
        {{ json_text('record', 'resolve_reason', 'incident', 'id') }} as merged_into_incident_id,

        coalesce(
            {{ json_text('record', 'status') }} = 'resolved'
            and {{ json_text('record', 'resolve_reason', 'type') }} = 'merge_resolve_reason'
            and {{ json_text('record', 'resolve_reason', 'incident', 'id') }} is distinct from id,
            false
        ) as is_merged
    from incidents
)

select * from final
