with volumes as (
    select * from {{ ref('int_event_days') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- An event that has been seen once is expected on every later date: its absence is a zero, not a missing row.
known_events as (
    select
        launch_id,
        event_name,
        min(event_date) as first_event_date
    from volumes
    group by launch_id, event_name
),

final as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        known_events.event_name,
        coalesce(volumes.events_count, 0) as events_count,
        coalesce(volumes.users_count, 0) as users_count
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join known_events
        on covered_dates.launch_id = known_events.launch_id
        and covered_dates.metric_date >= known_events.first_event_date
    left join volumes
        on known_events.launch_id = volumes.launch_id
        and known_events.event_name = volumes.event_name
        and covered_dates.metric_date = volumes.event_date
)

select
    launch_id,
    metric_date,
    launch_day,
    event_name,
    events_count,
    users_count
from final
