with latency_buckets as (
    select * from {{ ref('int_latency_buckets_daily') }}
),

kpis as (
    select * from {{ ref('kpi_catalogue') }}
    where period_rule = 'histogram'
),

period_dates as (
    select * from {{ ref('int_period_dates') }}
    where source = 'prometheus'
),

-- the buckets of all services and dates of a period are one histogram
merged as (
    select
        latency_buckets.launch_id,
        'latency_buckets' as buckets,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.is_counterpart,
        latency_buckets.upper_bound_seconds,
        sum(latency_buckets.request_count) as request_count
    from latency_buckets
    inner join period_dates
        on latency_buckets.launch_id = period_dates.launch_id
        and latency_buckets.metric_date = period_dates.metric_date
    group by
        latency_buckets.launch_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.is_counterpart,
        latency_buckets.upper_bound_seconds
),

ranked as (
    {{ histogram_ranks('merged', ['launch_id', 'buckets', 'period_kind', 'period_start', 'is_counterpart']) }}
),

final as (
    select
        ranked.launch_id,
        kpis.kpi_id,

        ranked.period_kind,
        ranked.period_start,
        ranked.is_counterpart,

        {{ histogram_quantile('kpis.quantile') }} as value,
        max(ranked.total_count) as request_count
    from ranked
    inner join kpis on ranked.buckets = kpis.buckets
    group by ranked.launch_id, kpis.kpi_id, ranked.period_kind, ranked.period_start, ranked.is_counterpart
)

select * from final
