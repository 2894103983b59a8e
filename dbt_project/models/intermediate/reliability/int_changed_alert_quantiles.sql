with increases as (
    select * from {{ ref('int_changed_counter_steps') }}
),

series as (
    select * from {{ ref('stg_prometheus__series') }}
),

alert_metrics as (
    select * from {{ ref('stg_config__alert_metrics') }}
    where part = 'buckets'
),

alerts as (
    select * from {{ ref('stg_config__alerts') }}
),

cumulative as (
    select
        alerts.launch_id,
        alerts.alert_id,
        alerts.quantile,
        increases.metric_date,
        increases.sampled_at,
        increases.step_seconds,
        series.upper_bound_seconds,
        sum(increases.increase) as request_count
    from increases
    inner join alert_metrics on increases.launch_id = alert_metrics.launch_id and increases.metric_id = alert_metrics.metric_id
    inner join alerts on alert_metrics.launch_id = alerts.launch_id and alert_metrics.alert_id = alerts.alert_id
    inner join series on increases.launch_id = series.launch_id and increases.series_id = series.series_id
    where series.upper_bound_seconds is not null
    group by
        alerts.launch_id, alerts.alert_id, alerts.quantile, increases.metric_date, increases.sampled_at, increases.step_seconds,
        series.upper_bound_seconds
),

buckets as (
    {{ bucket_counts('cumulative', ['launch_id', 'alert_id', 'quantile', 'metric_date', 'sampled_at', 'step_seconds']) }}
),

ranked as (
    {{ histogram_ranks('buckets', ['launch_id', 'alert_id', 'sampled_at']) }}
),

final as (
    select
        launch_id,
        alert_id,
        metric_date,
        sampled_at,
        step_seconds,
        {{ histogram_quantile('quantile') }} as value
    from ranked
    group by launch_id, alert_id, metric_date, sampled_at, step_seconds
)

select * from final
where value is not null
