with breaches as (
    select * from {{ ref('int_breach_pages') }}
),

incidents as (
    select * from {{ ref('int_incidents') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

alerts as (
    select * from {{ ref('stg_config__alerts') }}
),

stretches as (
    select * from {{ ref('int_alert_stretches') }}
),

alert_counts as (
    select
        launch_id,
        count(*) as alerts_count
    from alerts
    group by launch_id
),

-- an incident is without a breach if the value of every alert was known when it was triggered, and none fired around it
watched as (
    select
        incidents.launch_id,
        incidents.incident_id,
        count(distinct stretches.alert_id) as known_count
    from incidents
    inner join stretches
        on incidents.launch_id = stretches.launch_id
        and incidents.triggered_at >= stretches.first_at
        and incidents.triggered_at < {{ add_seconds('stretches.last_at', 'stretches.step_seconds') }}
    group by incidents.launch_id, incidents.incident_id
),

pages as (
    select
        incidents.launch_id,
        incidents.incident_id,
        incidents.severity,
        {{ local_date('incidents.triggered_at', 'launches.timezone') }} as metric_date,
        incidents.triggered_at,
        coalesce(watched.known_count, 0) = alert_counts.alerts_count as is_watched,
        launches.launch_date
    from incidents
    inner join launches on incidents.launch_id = launches.launch_id
    inner join alert_counts on incidents.launch_id = alert_counts.launch_id
    left join watched
        on incidents.launch_id = watched.launch_id
        and incidents.incident_id = watched.incident_id
    where
        not exists (
            select 1
            from breaches
            where
                breaches.launch_id = incidents.launch_id
                and breaches.outcome <> 'unknown'
                and incidents.triggered_at between breaches.pages_from and breaches.pages_to
        )
),

final as (
    select
        launch_id,
        'alert' as told_by,
        alert_id as subject_id,
        severity,
        metric_date,
        launch_day,
        started_at as occurred_at,
        fired_at,
        incident_id,
        triggered_at,
        {{ seconds_between('fired_at', 'triggered_at') }} as paged_after_seconds,
        outcome
    from breaches
    union all
    select
        launch_id,
        'page' as told_by,
        incident_id as subject_id,
        severity,
        metric_date,
        {{ days_between('launch_date', 'metric_date') }} as launch_day,
        triggered_at as occurred_at,
        cast(null as timestamp with time zone) as fired_at,
        incident_id,
        triggered_at,
        {{ as_double('null') }} as paged_after_seconds,
        case when is_watched then 'false' else 'unknown' end as outcome
    from pages
)

select * from final
