with buckets as (
    select
        launch_id,
        subject_id as service_id,
        metric_date,
        upper_bound_seconds,
        request_count
    from {{ ref('int_histogram_days') }}
    where kind = 'latency_buckets'
),

ranked as (
    {{ histogram_ranks('buckets', ['launch_id', 'service_id', 'metric_date']) }}
),

final as (
    select
        launch_id,
        service_id,

        metric_date,

        {{ histogram_quantile(0.5) }} as latency_p50_seconds,
        {{ histogram_quantile(0.95) }} as latency_p95_seconds,
        {{ histogram_quantile(0.99) }} as latency_p99_seconds,
        max(last_bound_seconds) = {{ infinity() }} as has_last_bucket
    from ranked
    group by launch_id, service_id, metric_date
)

select * from final
