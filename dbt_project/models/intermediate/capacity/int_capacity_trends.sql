with windows as (
    select * from {{ ref('int_capacity_windows') }}
),

slopes as (
    select * from {{ ref('int_capacity_slopes') }}
),

medians as (
    select
        launch_id,
        resource_id,
        metric_date,
        percentile_cont(0.5) within group (order by p95_value) as median_value,
        percentile_cont(0.5) within group (order by day_offset) as median_offset
    from windows
    group by launch_id, resource_id, metric_date
),

final as (
    select
        slopes.launch_id,
        slopes.resource_id,

        slopes.metric_date,

        slopes.observed_days_count,
        medians.median_value - slopes.slope_per_day * medians.median_offset as level_value,
        slopes.slope_per_day,
        slopes.slope_low_per_day,
        slopes.slope_high_per_day
    from slopes
    inner join medians
        on slopes.launch_id = medians.launch_id
        and slopes.resource_id = medians.resource_id
        and slopes.metric_date = medians.metric_date
)

select * from final
