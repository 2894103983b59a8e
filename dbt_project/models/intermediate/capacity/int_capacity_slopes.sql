{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 27) }}",
    )
}}

with windows as (
    select * from {{ ref('int_capacity_windows') }}
    where {{ is_after_dirty_date('prometheus', 'launch_id', 'metric_date', 27) }}
),

intervals as (
    select * from {{ ref('int_capacity_intervals') }}
),

-- Theil (1950): the slope between every two observations
ranked as (
    select
        earlier.launch_id,
        earlier.resource_id,
        earlier.metric_date,
        (later.p95_value - earlier.p95_value) / (later.day_offset - earlier.day_offset) as slope,
        row_number() over (
            partition by earlier.launch_id, earlier.resource_id, earlier.metric_date
            order by (later.p95_value - earlier.p95_value) / (later.day_offset - earlier.day_offset)
        ) as slope_rank
    from windows as earlier
    inner join windows as later
        on earlier.launch_id = later.launch_id
        and earlier.resource_id = later.resource_id
        and earlier.metric_date = later.metric_date
        and earlier.day_offset < later.day_offset
),

final as (
    select
        ranked.launch_id,
        ranked.resource_id,

        ranked.metric_date,

        intervals.observed_days_count,
        percentile_cont(0.5) within group (order by ranked.slope) as slope_per_day,
        max(case when ranked.slope_rank = intervals.low_rank then ranked.slope end) as slope_low_per_day,
        max(case when ranked.slope_rank = intervals.high_rank then ranked.slope end) as slope_high_per_day
    from ranked
    inner join intervals
        on ranked.launch_id = intervals.launch_id
        and ranked.resource_id = intervals.resource_id
        and ranked.metric_date = intervals.metric_date
    group by ranked.launch_id, ranked.resource_id, ranked.metric_date, intervals.observed_days_count
)

select * from final
