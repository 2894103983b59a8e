with days as (
    select
        launch_id,
        activity_date as metric_date,
        count(*) as active_users_count,
        count(*) filter (where activity_number = 1) as new_users_count,
        count(*) filter (where activity_number > 1) as repeat_users_count,
        count(*) filter (where activity_number = 2) as first_repeat_users_count,
        sum(events_count)::bigint as events_count
    from user_days
    group by all
),

-- A user is in a window of n dates from an active date on, until the next one, where it begins anew, or until n dates later.
changes as (
    select launch_id, length, activity_date as metric_date, 1 as change
    from user_days, unnest([7, 30]) as windows (length)
    union all
    select launch_id, length, least(activity_date + length::integer, next_date), -1
    from user_days, unnest([7, 30]) as windows (length)
    union all
    select launch_id, null, metric_date, 0 from covered_dates where source = 'mixpanel'
),

windows as (
    select
        launch_id,
        metric_date,
        sum(sum(change) filter (where length = 7)) over history as active_users_7d_count,
        sum(sum(change) filter (where length = 30)) over history as active_users_30d_count
    from changes
    group by launch_id, metric_date
    window history as (partition by launch_id order by metric_date)
)

select
    covered_dates.launch_id,
    covered_dates.metric_date,
    covered_dates.launch_day,
    coalesce(days.active_users_count, 0) as active_users_count,
    coalesce(windows.active_users_7d_count, 0)::bigint as active_users_7d_count,
    coalesce(windows.active_users_30d_count, 0)::bigint as active_users_30d_count,
    coalesce(days.new_users_count, 0) as new_users_count,
    coalesce(days.repeat_users_count, 0) as repeat_users_count,
    coalesce(days.first_repeat_users_count, 0) as first_repeat_users_count,
    coalesce(days.events_count, 0) as events_count
from covered_dates
left join days using (launch_id, metric_date)
left join windows using (launch_id, metric_date)
where covered_dates.source = 'mixpanel'
