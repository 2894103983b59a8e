with buckets as (
    select * from {{ ref('int_histogram_days') }}
    where kind = 'latency_buckets'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

final as (
    select
        buckets.launch_id,
        buckets.subject_id as service_id,

        buckets.metric_date,
        {{ days_between('launches.launch_date', 'buckets.metric_date') }} as launch_day,
        buckets.upper_bound_seconds,

        cast(round(buckets.request_count) as bigint) as request_count
    from buckets
    inner join launches
        on buckets.launch_id = launches.launch_id
)

select * from final
