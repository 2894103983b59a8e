with user_event_days as (
    select * from {{ ref('int_user_event_days') }}
),

active_events as (
    select * from {{ ref('stg_config__active_events') }}
),

-- A launch that names its active events counts only those; any other counts every event.
launches_with_a_list as (
    select distinct launch_id from active_events
),

activity as (
    select user_event_days.*
    from user_event_days
    left join launches_with_a_list on user_event_days.launch_id = launches_with_a_list.launch_id
    left join active_events
        on user_event_days.launch_id = active_events.launch_id
        and user_event_days.event_name = active_events.event_name
    where launches_with_a_list.launch_id is null or active_events.event_name is not null
),

user_days as (
    select
        launch_id,
        user_key,
        event_date as activity_date,
        cast(sum(events_count) as bigint) as events_count
    from activity
    group by launch_id, user_key, event_date
),

final as (
    select
        launch_id,
        user_key,
        activity_date,
        lead(activity_date) over user_history as next_activity_date,
        row_number() over user_history as activity_number,
        events_count
    from user_days
    window user_history as (partition by launch_id, user_key order by activity_date)
)

select
    launch_id,
    user_key,
    activity_date,
    next_activity_date,
    activity_number,
    events_count
from final
