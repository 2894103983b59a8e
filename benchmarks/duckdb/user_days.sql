-- One row a user and date with activity, with the active dates around it; a user begins with the first.
with days as (
    select launch_id, user_id, event_date as activity_date, count(*) as events_count
    from events
    semi join active_events using (launch_id, event_name)
    group by all
)

select
    *,
    row_number() over history as activity_number,
    min(activity_date) over history as first_date,
    lag(activity_date) over history as previous_date,
    lead(activity_date) over history as next_date
from days
window history as (partition by launch_id, user_id order by activity_date)
