with latency_buckets as (
    select * from {{ ref('latency_buckets_daily') }}
)

-- the whole is the sum of the services, bound by bound
select
    launch_id,
    'reliability' as domain,
    'request_duration' as measure_id,
    coalesce(service_id, '') as subject_id,
    '' as segment_id,
    metric_date,
    launch_day,
    upper_bound_seconds as upper_bound,
    {{ as_double('sum(request_count)') }} as value
from latency_buckets
group by grouping sets (
    (launch_id, metric_date, launch_day, upper_bound_seconds, service_id),
    (launch_id, metric_date, launch_day, upper_bound_seconds)
)
