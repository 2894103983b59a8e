{{ config(pre_hook="{{ read_by_index() }}") }}

with dates as (
    select * from {{ dates_of_points('prometheus') }}
),

metrics as (
    select distinct launch_id, metric_id from {{ ref('stg_config__alert_metrics') }}
    where part <> 'value'
),

samples as (
    select samples.*
    from {{ ref('stg_prometheus__samples') }} as samples
    inner join dates on samples.launch_id = dates.launch_id and samples.metric_date = dates.metric_date
    inner join metrics on samples.launch_id = metrics.launch_id and samples.metric_id = metrics.metric_id
),

days as (
    select * from {{ ref('int_counter_days') }}
),

neighbours as (
    select
        *,
        lag(value) over day_of_series as previous_value,
        lag(sampled_at) over day_of_series as previous_sampled_at
    from samples
    window day_of_series as (partition by launch_id, series_id, metric_date order by sampled_at)
),

-- the first sample of a date goes on from the last one of the date before
joined as (
    select
        neighbours.launch_id,
        neighbours.metric_id,
        neighbours.series_id,
        neighbours.metric_date,
        neighbours.sampled_at,
        neighbours.step_seconds,
        neighbours.value,
        coalesce(neighbours.previous_value, days.last_value) as previous_value,
        coalesce(neighbours.previous_sampled_at, days.last_sampled_at) as previous_sampled_at
    from neighbours
    left join days
        on neighbours.previous_sampled_at is null
        and neighbours.launch_id = days.launch_id
        and neighbours.series_id = days.series_id
        and days.metric_date = {{ add_days('neighbours.metric_date', -1) }}
)

select
    launch_id,
    metric_id,
    series_id,
    metric_date,
    sampled_at,
    step_seconds,
    case when value < previous_value then value else value - previous_value end as increase
from joined
where {{ add_seconds('previous_sampled_at', 'step_seconds') }} = sampled_at
