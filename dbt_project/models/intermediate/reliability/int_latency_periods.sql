with buckets as (
    select * from {{ ref('int_latency_buckets_daily') }}
),

period_dates as (
    select * from {{ ref('int_period_dates') }}
),

-- the buckets of all services and dates of a period are one histogram
merged as (
    select
        buckets.launch_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.is_counterpart,
        buckets.upper_bound_seconds,
        sum(buckets.request_count) as request_count
    from buckets
    inner join period_dates
        on buckets.launch_id = period_dates.launch_id
        and buckets.metric_date = period_dates.metric_date
        and period_dates.source = 'prometheus'
    group by
        buckets.launch_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.is_counterpart,
        buckets.upper_bound_seconds
),

ranked as (
    {{ histogram_ranks('merged', ['launch_id', 'period_kind', 'period_start', 'is_counterpart']) }}
),

final as (
    select
        launch_id,
        period_kind,
        period_start,
        is_counterpart,
        {{ histogram_quantile(0.95) }} as latency_p95_seconds,
        max(total_count) as request_count
    from ranked
    group by launch_id, period_kind, period_start, is_counterpart
)

select
    launch_id,
    period_kind,
    period_start,
    is_counterpart,
    latency_p95_seconds,
    request_count
from final
