{{ config(materialized='view') }}

with latency_buckets as (
    select * from {{ ref('latency_buckets_daily') }}
),

histograms as (
    select * from {{ ref('int_histogram_days') }}
    where kind = 'histogram'
),

gauge_values as (
    select
        gauge_days.launch_id,
        gauge_days.measure_id,
        gauge_days.metric_date,
        gauge_days.rounded_value as upper_bound,
        gauge_days.points_count as value
    from {{ ref('int_gauge_days') }} as gauge_days
    inner join {{ ref('stg_config__prometheus_metrics') }} as metrics
        on gauge_days.launch_id = metrics.launch_id
        and gauge_days.measure_id = metrics.subject_id
        and metrics.reading = 'values'
),

event_values as (
    select
        events.launch_id,
        events.measure_id,
        events.event_date as metric_date,
        events.rounded_number as upper_bound,
        events.numbers_count as value
    from {{ ref('int_measured_events') }} as events
    inner join {{ ref('int_declared_scope') }} as scope
        on events.launch_id = scope.launch_id
        and events.measure_id = scope.measure_id
        and scope.is_seen
    where events.rounded_number is not null
),

counted_values as (
    select 'reliability' as domain, gauge_values.* from gauge_values
    union all
    select 'product' as domain, event_values.* from event_values
),

value_buckets as (
    {{ value_buckets('counted_values', ['launch_id', 'domain', 'measure_id', 'metric_date']) }}
),

-- of requests the whole is the sum of the services, bound by bound
final as (
    select
        launch_id,
        'reliability' as domain,
        'request_duration' as measure_id,
        coalesce(service_id, '') as subject_id,
        metric_date,
        upper_bound_seconds as upper_bound,
        sum(request_count) as value
    from latency_buckets
    group by
        grouping sets (
            (launch_id, metric_date, upper_bound_seconds, service_id),
            (launch_id, metric_date, upper_bound_seconds)
        )
    union all
    select
        launch_id,
        'reliability' as domain,
        subject_id as measure_id,
        '' as subject_id,
        metric_date,
        upper_bound_seconds as upper_bound,
        request_count as value
    from histograms
    union all
    select launch_id, domain, measure_id, '' as subject_id, metric_date, upper_bound, value
    from value_buckets
)

select
    final.launch_id,
    final.domain,
    final.measure_id,
    final.subject_id,
    '' as segment_id,
    final.metric_date,
    {{ days_between('launches.launch_date', 'final.metric_date') }} as launch_day,
    final.upper_bound,
    {{ as_double('final.value') }} as value
from final
inner join {{ ref('stg_config__launches') }} as launches on final.launch_id = launches.launch_id
