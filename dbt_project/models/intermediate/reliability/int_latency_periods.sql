with buckets as (
    select * from {{ ref('int_latency_buckets_daily') }}
),

-- the buckets of all services and dates of a period are one histogram
merged as (
    {% for period_kind in ['day', 'week', 'month'] %}
    select
        launch_id,
        '{{ period_kind }}' as period_kind,
        {{ period_start(period_kind, 'metric_date') }} as period_start,
        upper_bound_seconds,
        sum(request_count) as request_count
    from buckets
    group by launch_id, {{ period_start(period_kind, 'metric_date') }}, upper_bound_seconds
    {% if not loop.last %}

    union all

    {% endif %}
    {% endfor %}
),

ranked as (
    {{ histogram_ranks('merged', ['launch_id', 'period_kind', 'period_start']) }}
),

final as (
    select
        launch_id,

        period_kind,
        period_start,

        {{ histogram_quantile(0.95) }} as latency_p95_seconds,
        max(total_count) as request_count
    from ranked
    group by launch_id, period_kind, period_start
)

select * from final
