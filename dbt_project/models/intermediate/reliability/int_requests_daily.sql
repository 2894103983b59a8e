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

final as (
    select
        increases.launch_id,
        increases.subject_id as service_id,

        increases.metric_date,

        sum(increases.increase) as request_count,
        sum(case when {{ matches_fully('series.status_code', 'metrics.error_codes') }} then increases.increase else 0 end) as error_count
    from increases
    inner join metrics
        on increases.launch_id = metrics.launch_id
        and increases.metric_id = metrics.metric_id
    inner join series
        on increases.launch_id = series.launch_id
        and increases.series_id = series.series_id
    group by increases.launch_id, increases.subject_id, increases.metric_date
)

select * from final
