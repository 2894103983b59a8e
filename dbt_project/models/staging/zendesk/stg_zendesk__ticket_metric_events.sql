with metric_events as (
    select * from {{ source('raw', 'zendesk_ticket_metric_events') }}
),

final as (
    select
        launch_id,
        id as metric_event_id,
        {{ json_text('record', 'ticket_id') }} as ticket_id,

        occurred_at,

        {{ json_text('record', 'metric') }} as metric,
        {{ json_text('record', 'type') }} as event_type,
        cast({{ json_text('record', 'instance_id') }} as integer) as instance_number
    from metric_events
)

select * from final
