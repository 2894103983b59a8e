with volumes as (
    select launch_id, event_name, event_date as metric_date, count(*) as events_count, count(distinct nullif(user_id, '')) as users_count
    from events
    group by all
),

-- a name is expected on every date after the first on which it was seen
known as (
    select launch_id, event_name, min(metric_date) as first_date
    from volumes
    group by all
)

select
    covered_dates.launch_id,
    covered_dates.metric_date,
    covered_dates.launch_day,
    known.event_name,
    coalesce(volumes.events_count, 0) as events_count,
    coalesce(volumes.users_count, 0) as users_count
from covered_dates
inner join known on covered_dates.launch_id = known.launch_id and covered_dates.metric_date >= known.first_date
left join volumes
    on covered_dates.launch_id = volumes.launch_id
    and covered_dates.metric_date = volumes.metric_date
    and known.event_name = volumes.event_name
where covered_dates.source = 'mixpanel'
