with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
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

episodes as (
    select * from {{ ref('alert_episodes') }}
),

-- it fires at its points from fired_at on
seen as (
    select
        stretches.launch_id,
        stretches.alert_id,
        stretches.metric_date,
        sum(stretches.points_count * stretches.step_seconds) as observed_seconds,
        sum(case when stretches.is_breach then stretches.points_count * stretches.step_seconds else 0 end) as breach_seconds,
        sum(
            case
                when episodes.fired_at <= stretches.last_at
                    then
                        {{ seconds_between('greatest(stretches.first_at, episodes.fired_at)', 'stretches.last_at') }}
                        + stretches.step_seconds
                else 0
            end
        ) as firing_seconds
    from stretches
    left join episodes
        on stretches.is_breach
        and stretches.launch_id = episodes.launch_id
        and stretches.alert_id = episodes.alert_id
        and stretches.first_at between episodes.started_at and episodes.last_seen_at
    group by stretches.launch_id, stretches.alert_id, stretches.metric_date
),

fired as (
    select
        launch_id,
        alert_id,
        metric_date,
        count(case when is_certain then 1 end) as episodes_count,
        count(case when not is_certain then 1 end) as possible_episodes_count
    from episodes
    group by launch_id, alert_id, metric_date
),

final as (
    select
        covered_dates.launch_id,
        alerts.alert_id,
        alerts.message,
        alerts.severity,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,

        case when seen.launch_id is not null then coalesce(fired.episodes_count, 0) end as episodes_count,
        case when seen.launch_id is not null then coalesce(fired.possible_episodes_count, 0) end as possible_episodes_count,
        {{ as_double('seen.breach_seconds') }} as breach_seconds,
        {{ as_double('seen.firing_seconds') }} as firing_seconds,
        {{ as_double('coalesce(seen.observed_seconds, 0)') }} as observed_seconds,
        {{ seconds_between(
            day_start('covered_dates.metric_date', 'launches.timezone'),
            day_start(add_days('covered_dates.metric_date', 1), 'launches.timezone')
        ) }} - coalesce(seen.observed_seconds, 0) as unknown_seconds
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join alerts on covered_dates.launch_id = alerts.launch_id
    left join seen
        on covered_dates.launch_id = seen.launch_id
        and alerts.alert_id = seen.alert_id
        and covered_dates.metric_date = seen.metric_date
    left join fired
        on covered_dates.launch_id = fired.launch_id
        and alerts.alert_id = fired.alert_id
        and covered_dates.metric_date = fired.metric_date
)

select * from final
