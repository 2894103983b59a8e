{{ config(materialized='view') }}

with ticket_days as (
    select * from {{ ref('ticket_daily') }}
),

sla_days as (
    select * from {{ ref('ticket_sla_daily') }}
),

promised as (
    select distinct
        launch_id,
        metric
    from {{ ref('stg_config__sla_targets') }}
),

-- A promised metric without a clock on the date has none that was kept or broken; one that nobody promised has nothing to keep.
final as (
    select
        ticket_days.launch_id,
        ticket_days.metric_date,
        promised.metric,
        ticket_days.priority,
        coalesce(sla_days.attained_count, 0) as attained_count,
        coalesce(sla_days.breached_count, 0) as breached_count
    from ticket_days
    inner join promised on ticket_days.launch_id = promised.launch_id
    left join sla_days
        on ticket_days.launch_id = sla_days.launch_id
        and ticket_days.metric_date = sla_days.metric_date
        and ticket_days.priority = sla_days.priority
        and promised.metric = sla_days.metric
)

select
    launch_id,
    metric_date,
    metric,
    priority,
    attained_count,
    breached_count
from final
