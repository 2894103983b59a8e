{%- set horizon_days = 365 -%}

with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
),

resources as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind = 'resource'
),

usage as (
    select * from {{ ref('int_resource_usage_daily') }}
),

forecast as (
    select * from {{ ref('capacity_forecast') }}
),

first_seen as (
    select
        resources.launch_id,
        resources.subject_id as resource_id,
        min(usage.metric_date) as first_date
    from resources
    left join usage
        on resources.launch_id = usage.launch_id
        and resources.subject_id = usage.resource_id
    group by resources.launch_id, resources.subject_id
),

-- a resource that was never seen, or not on this date, is unknown; one that came later was not there yet
outlooks as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        first_seen.resource_id,
        coalesce(forecast.outlook, 'unknown') as outlook,
        least(forecast.days_to_trigger, {{ horizon_days }}) as days_to_trigger
    from covered_dates
    inner join first_seen
        on covered_dates.launch_id = first_seen.launch_id
        and (first_seen.first_date is null or covered_dates.metric_date >= first_seen.first_date)
    left join forecast
        on covered_dates.metric_date = forecast.metric_date
        and first_seen.launch_id = forecast.launch_id
        and first_seen.resource_id = forecast.resource_id
),

-- "not within a year" can be said only when every resource is known
earliest as (
    select
        launch_id,
        metric_date,
        case
            when min(case when outlook in ('reached', 'growing') then days_to_trigger end) < {{ horizon_days }}
                then min(case when outlook in ('reached', 'growing') then days_to_trigger end)
            when count(case when outlook = 'unknown' then 1 end) = 0 then {{ horizon_days }}
        end as days_to_trigger
    from outlooks
    group by launch_id, metric_date
),

final as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        '' as resource_id,
        earliest.days_to_trigger
    from covered_dates
    left join earliest
        on covered_dates.launch_id = earliest.launch_id
        and covered_dates.metric_date = earliest.metric_date

    union all

    select
        launch_id,
        metric_date,
        resource_id,
        case
            when outlook in ('reached', 'growing') then days_to_trigger
            when outlook <> 'unknown' then {{ horizon_days }}
        end as days_to_trigger
    from outlooks
)

select
    launch_id,
    metric_date,
    resource_id,
    {{ as_double('days_to_trigger') }} as days_to_trigger
from final
