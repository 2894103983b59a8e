with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
),

services as (
    select
        launch_id,
        subject_id,
        max(subject_name) as subject_name,
        max(case when kind = 'requests' then status_label end) as status_label,
        max(case when kind = 'latency_buckets' then 1 end) as latency_metrics_count
    from metrics
    where kind in ('up', 'requests', 'latency_buckets')
    group by launch_id, subject_id
),

final as (
    select
        covered_dates.launch_id,
        services.subject_id as service_id,
        services.subject_name as service_name,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,

        {{ seconds_between(
            day_start('covered_dates.metric_date', 'launches.timezone'),
            day_start(add_days('covered_dates.metric_date', 1), 'launches.timezone')
        ) }} as day_seconds,
        services.status_label,
        services.latency_metrics_count is not null as has_latency
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join services on covered_dates.launch_id = services.launch_id
)

select * from final
