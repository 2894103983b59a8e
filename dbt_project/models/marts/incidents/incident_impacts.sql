{{ config(pre_hook="{{ read_by_index() }}") }}

with incidents as (
    select
        *,
        coalesce(resolved_at, merged_at) as ended_at
    from {{ ref('int_incidents') }}
    where is_counted
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

impact_events as (
    select * from {{ ref('stg_config__impact_events') }}
),

weeks as (
    select * from {{ ref('int_incident_weeks') }}
),

events as (
    select * from {{ ref('int_impact_events') }}
),

-- 95 % of Student's t, two-sided, for one to three degrees of freedom
quantiles as (
    select
        2 as weeks_count,
        12.706204736 as quantile
    union all
    select
        3 as weeks_count,
        4.302652730 as quantile
    union all
    select
        4 as weeks_count,
        3.182446305 as quantile
),

seen as (
    select impact_events.*
    from impact_events
    where
        exists (
            select 1
            from events
            where events.launch_id = impact_events.launch_id and events.event_name = impact_events.event_name
        )
),

compared as (
    select
        launch_id,
        incident_id,
        event_name,
        count(case when week = 0 then 1 end) = 1 as is_loaded,
        count(case when week > 0 then 1 end) as weeks_count,
        sum(case when week = 0 then events_count end) as events_count,
        avg(case when week > 0 then events_count end) as expected_events_count,
        var_samp(case when week > 0 then events_count end) as events_variance,
        sum(case when week = 0 then users_count end) as users_count,
        avg(case when week > 0 then users_count end) as expected_users_count,
        var_samp(case when week > 0 then users_count end) as users_variance
    from weeks
    group by launch_id, incident_id, event_name
),

judged as (
    select
        incidents.launch_id,
        incidents.incident_id,
        impact_events.event_name,
        incidents.severity,
        {{ local_date('incidents.triggered_at', 'launches.timezone') }} as metric_date,
        launches.launch_date,
        incidents.triggered_at as started_at,
        incidents.ended_at,
        case
            when incidents.ended_at is null then 'open'
            when seen.event_name is null or not coalesce(compared.is_loaded, false) then 'no_data'
            when compared.weeks_count < 2 then 'insufficient_data'
            else 'measured'
        end as status,
        coalesce(compared.weeks_count, 0) as weeks_count,
        compared.events_count,
        compared.expected_events_count,
        compared.events_variance,
        compared.users_count,
        compared.expected_users_count,
        compared.users_variance
    from incidents
    inner join launches on incidents.launch_id = launches.launch_id
    inner join impact_events on incidents.launch_id = impact_events.launch_id
    left join seen
        on impact_events.launch_id = seen.launch_id
        and impact_events.event_name = seen.event_name
    left join compared
        on incidents.launch_id = compared.launch_id
        and incidents.incident_id = compared.incident_id
        and impact_events.event_name = compared.event_name
),

-- the interval of one more week (a prediction interval); weeks that happen to agree are at least as uncertain as counts are
bounded as (
    select
        judged.*,
        quantiles.quantile * sqrt(greatest(judged.events_variance, judged.expected_events_count) * (1 + 1.0 / judged.weeks_count))
            as events_spread,
        quantiles.quantile * sqrt(greatest(judged.users_variance, judged.expected_users_count) * (1 + 1.0 / judged.weeks_count))
            as users_spread
    from judged
    left join quantiles
        on judged.weeks_count = quantiles.weeks_count
        and judged.status = 'measured'
),

final as (
    select
        launch_id,
        incident_id,
        event_name,
        severity,
        metric_date,
        {{ days_between('launch_date', 'metric_date') }} as launch_day,
        started_at,
        ended_at,
        status,
        weeks_count,
        case when status in ('measured', 'insufficient_data') then events_count end as events_count,
        case when status = 'measured' then expected_events_count end as expected_events_count,
        case when status = 'measured' then expected_events_count - events_count end as lost_events_count,
        case when status = 'measured' then expected_events_count - events_count - events_spread end as lost_events_low_count,
        case when status = 'measured' then expected_events_count - events_count + events_spread end as lost_events_high_count,
        case when status in ('measured', 'insufficient_data') then users_count end as users_count,
        case when status = 'measured' then expected_users_count end as expected_users_count,
        case when status = 'measured' then expected_users_count - users_count end as lost_users_count,
        case when status = 'measured' then expected_users_count - users_count - users_spread end as lost_users_low_count,
        case when status = 'measured' then expected_users_count - users_count + users_spread end as lost_users_high_count
    from bounded
)

select * from final
