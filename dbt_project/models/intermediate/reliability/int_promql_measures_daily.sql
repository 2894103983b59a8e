with metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where reading is not null
),

gauge_days as (
    select * from {{ ref('int_gauge_days') }}
),

increases as (
    select * from {{ ref('int_counter_increases_daily') }}
),

gauges as (
    select
        gauge_days.launch_id,
        gauge_days.measure_id,
        metrics.reading,
        gauge_days.metric_date,
        {{ exact_sum('gauge_days.value_sum') }} as value_sum,
        cast(sum(gauge_days.points_count) as bigint) as points_count,
        max(gauge_days.maximum_value) as maximum_value,
        min(gauge_days.minimum_value) as minimum_value
    from gauge_days
    inner join metrics
        on gauge_days.launch_id = metrics.launch_id
        and gauge_days.measure_id = metrics.subject_id
        and metrics.kind = 'gauge'
    group by gauge_days.launch_id, gauge_days.measure_id, metrics.reading, gauge_days.metric_date
),

final as (
    select launch_id, measure_id || '_sum' as measure_id, metric_date, value_sum as value
    from gauges
    where reading = 'points'
    union all
    select launch_id, measure_id || '_points' as measure_id, metric_date, points_count as value
    from gauges
    where reading = 'points'
    union all
    select launch_id, measure_id, metric_date, case when reading = 'max' then maximum_value else minimum_value end as value
    from gauges
    where reading in ('max', 'min')
    union all
    -- a counter without a sample on a date has no row there: it is not known to have stood still
    select increases.launch_id, increases.subject_id as measure_id, increases.metric_date, {{ exact_sum('increases.increase') }} as value
    from increases
    inner join metrics on increases.launch_id = metrics.launch_id and increases.metric_id = metrics.metric_id and metrics.kind = 'counter'
    group by increases.launch_id, increases.subject_id, increases.metric_date
)

select
    launch_id,
    measure_id,
    metric_date,
    {{ as_double('value') }} as value
from final
