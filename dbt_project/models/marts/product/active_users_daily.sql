with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

active_windows as (
    select * from {{ ref('int_active_windows') }}
),

days as (
    select
        launch_id,
        activity_date as metric_date,
        count(*) as active_users_count,
        count(*) filter (where activity_number = 1) as new_users_count,
        count(*) filter (where activity_number > 1) as repeat_users_count,
        count(*) filter (where activity_number = 2) as first_repeat_users_count,
        cast(sum(events_count) as bigint) as events_count
    from user_days
    group by launch_id, activity_date
),

final as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        coalesce(days.active_users_count, 0) as active_users_count,
        active_windows.active_users_7d_count,
        active_windows.active_users_30d_count,
        coalesce(days.new_users_count, 0) as new_users_count,
        coalesce(days.repeat_users_count, 0) as repeat_users_count,
        coalesce(days.first_repeat_users_count, 0) as first_repeat_users_count,
        coalesce(days.events_count, 0) as events_count
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join active_windows
        on covered_dates.launch_id = active_windows.launch_id
        and covered_dates.metric_date = active_windows.metric_date
    left join days on covered_dates.launch_id = days.launch_id and covered_dates.metric_date = days.metric_date
)

select
    launch_id,
    metric_date,
    launch_day,
    active_users_count,
    active_users_7d_count,
    active_users_30d_count,
    new_users_count,
    repeat_users_count,
    first_repeat_users_count,
    events_count
from final
