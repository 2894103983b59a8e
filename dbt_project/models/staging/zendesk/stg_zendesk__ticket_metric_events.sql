with metric_events as (
    select * from {{ source('raw', 'zendesk_ticket_metric_events') }}
),

final as (
    select
        launch_id,
        {{ as_whole_number('id') }} as metric_event_number,
        {{ json_text('record', 'ticket_id') }} as ticket_id,

        occurred_at,

        {{ json_text('record', 'metric') }} as metric,
        {{ json_text('record', 'type') }} as event_type,
        coalesce({{ as_whole_number(json_text('record', 'instance_id')) }}, 1) as instance_number
    from metric_events
)

select * from final
