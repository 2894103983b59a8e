{{ config(materialized='view') }}

with ticket_days as (
    select * from {{ ref('ticket_daily') }}
),

clocks as (
    select * from {{ ref('ticket_sla') }}
    where ended_at is not null and metric in ('first_reply', 'resolution')
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

metrics as (
    {% for metric in ['first_reply', 'resolution'] -%}
    select '{{ metric }}' as metric {{ 'union all' if not loop.last }}
    {% endfor -%}
),

ended as (
    select
        clocks.launch_id,
        clocks.metric,
        clocks.priority,
        {{ local_date('clocks.ended_at', 'launches.timezone') }} as metric_date,
        count(*) as ended_count,
        sum(clocks.elapsed_business_seconds) as business_seconds
    from clocks
    inner join launches on clocks.launch_id = launches.launch_id
    group by clocks.launch_id, clocks.metric, clocks.priority, {{ local_date('clocks.ended_at', 'launches.timezone') }}
),

-- where nobody looked (see ticket_daily) there is no zero either
final as (
    select
        ticket_days.launch_id,
        ticket_days.metric_date,
        metrics.metric,
        ticket_days.priority,
        case when ticket_days.opened_count is not null then coalesce(ended.ended_count, 0) end as ended_count,
        case when ticket_days.opened_count is not null then coalesce(ended.business_seconds, 0) end as business_seconds
    from ticket_days
    cross join metrics
    left join ended
        on ticket_days.launch_id = ended.launch_id
        and ticket_days.metric_date = ended.metric_date
        and ticket_days.priority = ended.priority
        and metrics.metric = ended.metric
)

select
    launch_id,
    metric_date,
    metric,
    priority,
    ended_count,
    business_seconds
from final
