with metric_events as (
    select * from {{ ref('stg_zendesk__ticket_metric_events') }}
    where metric = 'reply_time' and instance_number = 1
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'zendesk'
),

final as (
    select
        metric_events.launch_id,
        metric_events.ticket_id,

        min(case when metric_events.event_type = 'activate' then metric_events.occurred_at end) as started_at,
        min(case when metric_events.event_type = 'fulfill' then metric_events.occurred_at end) as replied_at
    from metric_events
    inner join data_end
        on metric_events.launch_id = data_end.launch_id
    where metric_events.occurred_at < data_end.data_end_at
    group by metric_events.launch_id, metric_events.ticket_id
)

select * from final
