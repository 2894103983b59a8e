with increases as (
    select * from {{ ref('int_counter_increases_daily') }}
),

series as (
    select * from {{ ref('stg_prometheus__series') }}
),

metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind in ('latency_buckets', 'histogram')
),

-- Prometheus counts cumulatively: a bucket holds every request up to its bound
cumulative as (
    select
        increases.launch_id,
        increases.subject_id,
        metrics.kind,
        increases.metric_date,
        series.upper_bound_seconds,
        sum(increases.increase) as request_count
    from increases
    inner join metrics
        on increases.launch_id = metrics.launch_id
        and increases.metric_id = metrics.metric_id
    inner join series
        on increases.launch_id = series.launch_id
        and increases.series_id = series.series_id
    where series.upper_bound_seconds is not null
    group by increases.launch_id, increases.subject_id, metrics.kind, increases.metric_date, series.upper_bound_seconds
),

-- as Prometheus does: a bucket that a lost sample made smaller than the one below it is made equal to that one
monotonic as (
    select
        launch_id,
        subject_id,
        kind,
        metric_date,
        upper_bound_seconds,
        max(request_count) over (
            partition by launch_id, subject_id, kind, metric_date
            order by upper_bound_seconds
            rows unbounded preceding
        ) as cumulative_count
    from cumulative
),

final as (
    select
        launch_id,
        subject_id,
        kind,

        metric_date,
        upper_bound_seconds,

        cumulative_count - coalesce(
            lag(cumulative_count) over (partition by launch_id, subject_id, kind, metric_date order by upper_bound_seconds), 0
        ) as request_count
    from monotonic
)

select * from final
