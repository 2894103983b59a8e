with service_days as (
    select * from {{ ref('int_service_days') }}
),

classes as (
    select * from {{ ref('stg_config__response_classes') }}
),

buckets as (
    select * from {{ ref('int_histogram_days') }}
    where kind = 'latency_buckets'
),

-- a class can be counted only where both its ends are bounds of buckets: what lies within a bucket is not known
counted as (
    select
        classes.launch_id,
        classes.service_id,
        classes.class_id,
        buckets.metric_date,
        sum(buckets.request_count) as request_count,
        sum(
            case
                when buckets.upper_bound_seconds > classes.from_seconds
                    and buckets.upper_bound_seconds <= coalesce(classes.to_seconds, {{ infinity() }})
                    then buckets.request_count
                else 0
            end
        ) as class_request_count,
        max(buckets.upper_bound_seconds) = {{ infinity() }} as has_last_bucket,
        classes.from_seconds = 0 or count(case when buckets.upper_bound_seconds = classes.from_seconds then 1 end) > 0 as has_from_bound,
        classes.to_seconds is null
        or count(case when buckets.upper_bound_seconds = classes.to_seconds then 1 end) > 0 as has_to_bound
    from buckets
    inner join classes
        on buckets.launch_id = classes.launch_id
        and buckets.subject_id = classes.service_id
    group by
        classes.launch_id, classes.service_id, classes.class_id, classes.from_seconds, classes.to_seconds, buckets.metric_date
),

final as (
    select
        service_days.launch_id,
        service_days.service_id,
        classes.class_id,
        classes.from_seconds,
        classes.to_seconds,

        service_days.metric_date,
        service_days.launch_day,

        case
            when counted.has_last_bucket and counted.has_from_bound and counted.has_to_bound
                then cast(round(counted.class_request_count) as bigint)
        end as class_request_count,
        case when counted.has_last_bucket then cast(round(counted.request_count) as bigint) end as request_count,
        case
            when counted.has_last_bucket and counted.has_from_bound and counted.has_to_bound
                then {{ ratio('counted.class_request_count', 'counted.request_count') }}
        end as request_ratio,
        case
            when counted.launch_id is null then 'no latency bucket was seen'
            when not counted.has_last_bucket then 'the latency buckets lack le="+Inf"'
            when not counted.has_from_bound then 'no bucket ends where the class begins'
            when not counted.has_to_bound then 'no bucket ends where the next class begins'
        end as notice
    from service_days
    inner join classes
        on service_days.launch_id = classes.launch_id
        and service_days.service_id = classes.service_id
    left join counted
        on classes.launch_id = counted.launch_id
        and classes.service_id = counted.service_id
        and classes.class_id = counted.class_id
        and service_days.metric_date = counted.metric_date
)

select * from final
