with episodes as (
    select
        episodes.*,
        alerts.page_within_seconds,
        {{ add_seconds('episodes.started_at', '-(alerts.page_within_seconds + episodes.step_seconds)') }} as pages_from,
        {{ add_seconds('coalesce(episodes.ended_at, episodes.last_seen_at)', 'alerts.page_within_seconds') }} as pages_to
    from {{ ref('alert_episodes') }} as episodes
    inner join {{ ref('stg_config__alerts') }} as alerts
        on episodes.launch_id = alerts.launch_id and episodes.alert_id = alerts.alert_id
),

incidents as (
    select * from {{ ref('int_incidents') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'pagerduty'
),

-- a breach begins up to a step before the first point that shows it
near as (
    select
        episodes.launch_id,
        episodes.alert_id,
        episodes.started_at,
        incidents.incident_id,
        incidents.triggered_at,
        coalesce(incidents.resolved_at, incidents.merged_at) as closed_at,
        case
            when incidents.triggered_at <= {{ add_seconds('episodes.fired_at', 'episodes.page_within_seconds') }} then 'caught'
            else 'late'
        end as outcome
    from episodes
    inner join incidents
        on episodes.launch_id = incidents.launch_id
        and incidents.triggered_at between episodes.pages_from and episodes.pages_to
),

-- who was paged for the alert and is still at it is not paged again
answered as (
    select launch_id, alert_id, started_at, incident_id, triggered_at, outcome, case outcome when 'caught' then 1 else 3 end as preference
    from near
    union all
    select
        episodes.launch_id,
        episodes.alert_id,
        episodes.started_at,
        near.incident_id,
        near.triggered_at,
        'caught' as outcome,
        2 as preference
    from episodes
    inner join near
        on episodes.launch_id = near.launch_id
        and episodes.alert_id = near.alert_id
    where
        near.started_at < episodes.started_at
        and near.triggered_at < episodes.started_at
        and (near.closed_at is null or near.closed_at >= episodes.fired_at)
),

first_answers as (
    {{ first_rows('answered', 'launch_id, alert_id, started_at', 'preference, triggered_at, incident_id') }}
),

final as (
    select
        episodes.launch_id,
        episodes.alert_id,
        episodes.severity,

        episodes.metric_date,
        episodes.launch_day,
        episodes.started_at,
        episodes.fired_at,
        episodes.pages_from,
        episodes.pages_to,

        first_answers.incident_id,
        first_answers.triggered_at,
        case
            when covered_dates.launch_id is null or not episodes.is_certain then 'unknown'
            else coalesce(first_answers.outcome, 'missed')
        end as outcome
    from episodes
    left join first_answers
        on episodes.launch_id = first_answers.launch_id
        and episodes.alert_id = first_answers.alert_id
        and episodes.started_at = first_answers.started_at
    left join covered_dates
        on episodes.launch_id = covered_dates.launch_id
        and episodes.metric_date = covered_dates.metric_date
)

select * from final
