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

final as (
    {{ bucket_counts('cumulative', ['launch_id', 'subject_id', 'kind', 'metric_date']) }}
)

select * from final
