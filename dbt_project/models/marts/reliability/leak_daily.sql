with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

leaks as (
    select * from {{ ref('stg_config__leaks') }}
),

usage as (
    select * from {{ ref('int_resource_usage_daily') }}
),

trends as (
    select * from {{ ref('int_capacity_trends') }}
),

-- growth that lost half of its pace levels off; too new a trend tells neither
judged as (
    select
        covered_dates.launch_id,
        leaks.alert_id,
        leaks.message,
        leaks.severity,
        leaks.page,
        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        usage.p95_value as level_value,
        trends.slope_per_day,
        trends.slope_low_per_day,
        trends.slope_high_per_day,
        trends.recent_slope_per_day,
        trends.slope_low_per_day > 0 and trends.recent_slope_per_day >= trends.slope_per_day / 2 as is_leaking
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join leaks on covered_dates.launch_id = leaks.launch_id
    left join usage
        on leaks.launch_id = usage.launch_id
        and leaks.subject_id = usage.resource_id
        and covered_dates.metric_date = usage.metric_date
    left join trends
        on leaks.launch_id = trends.launch_id
        and leaks.subject_id = trends.resource_id
        and covered_dates.metric_date = trends.metric_date
),

-- a date of which nothing is known neither begins nor ends a leak
runs as (
    select
        *,
        count(case when not is_leaking then 1 end) over (partition by launch_id, alert_id order by metric_date) as run_number
    from judged
),

final as (
    select
        launch_id,
        alert_id,
        message,
        severity,
        page,

        metric_date,
        launch_day,

        level_value,
        slope_per_day,
        slope_low_per_day,
        slope_high_per_day,
        recent_slope_per_day,

        is_leaking,
        case
            when is_leaking
                then
                    min(case when is_leaking then metric_date end) over (
                        partition by launch_id, alert_id, run_number
                        order by metric_date
                        rows unbounded preceding
                    )
        end as leaking_since_date
    from runs
)

select * from final
