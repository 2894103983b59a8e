with increases as (
    select * from {{ ref('int_counter_increases_daily') }}
),

series as (
    select * from {{ ref('stg_prometheus__series') }}
),

metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind = 'requests'
),

classified as (
    select
        increases.launch_id,
        increases.subject_id as service_id,
        increases.metric_date,
        increases.increase,
        increases.gap_increase,
        series.status_code,
        {{ is_classified('series.status_code', 'metrics.error_codes') }} as is_classified,
        {{ matches_fully('series.status_code', 'metrics.error_codes') }} as is_error
    from increases
    inner join metrics
        on increases.launch_id = metrics.launch_id
        and increases.metric_id = metrics.metric_id
    inner join series
        on increases.launch_id = series.launch_id
        and increases.series_id = series.series_id
),

final as (
    select
        launch_id,
        service_id,

        metric_date,

        sum(increase) as request_count,
        sum(gap_increase) as gap_request_count,
        sum(case when is_classified then increase end) as classified_request_count,
        sum(case when is_classified and is_error then increase when is_classified then 0 end) as error_count,
        min(case when not is_classified then status_code end) as odd_status_code
    from classified
    group by launch_id, service_id, metric_date
)

select * from final
