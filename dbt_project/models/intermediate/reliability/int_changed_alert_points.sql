{{ config(pre_hook="{{ read_by_index() }}") }}

with dates as (
    select * from {{ dates_of_points('prometheus') }}
),

alerts as (
    select * from {{ ref('stg_config__alerts') }}
),

alert_metrics as (
    select * from {{ ref('stg_config__alert_metrics') }}
),

increases as (
    select * from {{ ref('int_changed_counter_steps') }}
),

series as (
    select * from {{ ref('stg_prometheus__series') }}
),

metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
),

gauges as (
    select
        alerts.launch_id,
        alerts.alert_id,
        samples.metric_date,
        samples.sampled_at,
        samples.step_seconds,
        case
            when alerts.reading = 'max' then max(samples.value)
            when alerts.reading = 'min' then min(samples.value)
            else {{ exact_average('samples.value') }}
        end as value
    from {{ ref('stg_prometheus__samples') }} as samples
    inner join dates on samples.launch_id = dates.launch_id and samples.metric_date = dates.metric_date
    inner join alert_metrics on samples.launch_id = alert_metrics.launch_id and samples.metric_id = alert_metrics.metric_id
    inner join alerts on alert_metrics.launch_id = alerts.launch_id and alert_metrics.alert_id = alerts.alert_id
    where alert_metrics.part = 'value'
    group by alerts.launch_id, alerts.alert_id, alerts.reading, samples.metric_date, samples.sampled_at, samples.step_seconds
),

counted as (
    select
        alert_metrics.launch_id,
        alert_metrics.alert_id,
        increases.metric_date,
        increases.sampled_at,
        increases.step_seconds,
        alert_metrics.part,
        increases.increase,
        alert_metrics.part = 'requests' and {{ is_classified('series.status_code', 'metrics.error_codes') }} as is_classified,
        alert_metrics.part = 'requests' and {{ is_classified('series.status_code', 'metrics.error_codes') }}
        and {{ matches_fully('series.status_code', 'metrics.error_codes') }} as is_error
    from increases
    inner join alert_metrics on increases.launch_id = alert_metrics.launch_id and increases.metric_id = alert_metrics.metric_id
    inner join metrics on increases.launch_id = metrics.launch_id and increases.metric_id = metrics.metric_id
    inner join series on increases.launch_id = series.launch_id and increases.series_id = series.series_id
    where alert_metrics.part <> 'buckets'
),

-- nothing of nothing is no ratio: without a request there is no error rate
ratios as (
    select
        launch_id,
        alert_id,
        metric_date,
        sampled_at,
        step_seconds,
        {{ ratio(
            "sum(case when part = 'numerator' or is_error then increase when is_classified then 0 end)",
            "sum(case when part = 'denominator' or is_classified then increase end)"
        ) }} as value
    from counted
    group by launch_id, alert_id, metric_date, sampled_at, step_seconds
),

quantiles as (
    select * from {{ ref('int_changed_alert_quantiles') }}
)

select launch_id, alert_id, metric_date, sampled_at, step_seconds, value
from gauges
union all
select launch_id, alert_id, metric_date, sampled_at, step_seconds, value
from ratios
where value is not null
union all
select launch_id, alert_id, metric_date, sampled_at, step_seconds, value
from quantiles
