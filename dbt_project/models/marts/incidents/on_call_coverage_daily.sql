with hours as (
    select * from {{ ref('stg_config__on_call_hours') }}
),

policies as (
    select distinct
        launch_id,
        escalation_policy_id
    from {{ ref('stg_pagerduty__services') }}
    where escalation_policy_id is not null
),

duties as (
    select * from {{ ref('stg_pagerduty__oncalls') }}
    where escalation_level = 1
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'pagerduty'
),

stream_dates as (
    select * from {{ ref('int_stream_dates') }}
    where stream = 'oncalls'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

promised as (
    select
        hours.launch_id,
        policies.escalation_policy_id,
        hours.coverage_date as metric_date,
        hours.starts_at,
        hours.ends_at
    from hours
    inner join covered_dates
        on hours.launch_id = covered_dates.launch_id
        and hours.coverage_date = covered_dates.metric_date
    inner join policies on hours.launch_id = policies.launch_id
),

-- the parts of duties within the promised hours, and how far those that began before them reach
parts as (
    select
        promised.launch_id,
        promised.escalation_policy_id,
        promised.metric_date,
        greatest(promised.starts_at, coalesce(duties.starts_at, promised.starts_at)) as starts_at,
        least(promised.ends_at, coalesce(duties.ends_at, promised.ends_at)) as ends_at
    from promised
    inner join duties
        on promised.launch_id = duties.launch_id
        and promised.escalation_policy_id = duties.escalation_policy_id
        and promised.ends_at > coalesce(duties.starts_at, promised.starts_at)
        and promised.starts_at < coalesce(duties.ends_at, promised.ends_at)
),

reached as (
    select
        *,
        max(ends_at) over (
            partition by launch_id, escalation_policy_id, metric_date
            order by starts_at, ends_at
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from parts
),

covered as (
    select
        launch_id,
        escalation_policy_id,
        metric_date,
        {{ exact_sum(
            'case when reached_at is null or reached_at <= starts_at then ' ~ seconds_between('starts_at', 'ends_at')
            ~ ' when reached_at < ends_at then ' ~ seconds_between('reached_at', 'ends_at') ~ ' else 0 end'
        ) }} as covered_seconds
    from reached
    group by launch_id, escalation_policy_id, metric_date
),

final as (
    select
        promised.launch_id,
        promised.metric_date,
        {{ days_between('launches.launch_date', 'promised.metric_date') }} as launch_day,
        promised.escalation_policy_id,
        case when stream_dates.metric_date is not null then {{ seconds_between('promised.starts_at', 'promised.ends_at') }} end
            as promised_seconds,
        case when stream_dates.metric_date is not null then coalesce(covered.covered_seconds, 0) end as covered_seconds
    from promised
    inner join launches on promised.launch_id = launches.launch_id
    left join stream_dates
        on promised.launch_id = stream_dates.launch_id
        and promised.metric_date = stream_dates.metric_date
    left join covered
        on promised.launch_id = covered.launch_id
        and promised.escalation_policy_id = covered.escalation_policy_id
        and promised.metric_date = covered.metric_date
)

select * from final
