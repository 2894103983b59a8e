with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

dependencies as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind = 'dependency'
),

uptime as (
    select * from {{ ref('int_uptime_daily') }}
    where kind = 'dependency'
),

final as (
    select
        covered_dates.launch_id,
        dependencies.subject_id as dependency_id,
        dependencies.subject_name as dependency_name,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,

        {{ as_double('coalesce(uptime.observed_seconds, 0)') }} as observed_seconds,
        {{ as_double('uptime.observed_seconds - uptime.up_seconds') }} as down_seconds,
        {{ seconds_between(
            day_start('covered_dates.metric_date', 'launches.timezone'),
            day_start(add_days('covered_dates.metric_date', 1), 'launches.timezone')
        ) }} - coalesce(uptime.observed_seconds, 0) as no_data_seconds,
        {{ ratio('uptime.up_seconds', 'uptime.observed_seconds') }} as uptime_ratio
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join dependencies on covered_dates.launch_id = dependencies.launch_id
    left join uptime
        on covered_dates.launch_id = uptime.launch_id
        and dependencies.subject_id = uptime.subject_id
        and covered_dates.metric_date = uptime.metric_date
)

select * from final
