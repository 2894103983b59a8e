with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

active_days as (
    select * from {{ ref('int_active_days') }}
),

active_windows as (
    select * from {{ ref('int_active_windows') }}
),

event_scope as (
    select * from {{ ref('int_event_scope') }}
),

days as (
    select
        launch_id,
        metric_date,
        cast(sum(users_count) as bigint) as active_users_count,
        cast(sum(new_users_count) as bigint) as new_users_count,
        cast(sum(repeat_users_count) as bigint) as repeat_users_count,
        cast(sum(first_repeat_users_count) as bigint) as first_repeat_users_count,
        cast(sum(events_count) as bigint) as events_count
    from active_days
    group by launch_id, metric_date
),

-- a covered date without activity has none, unless nobody ever sent what the launch file counts: then nothing was measured
final as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        case when event_scope.is_activity_seen then coalesce(days.active_users_count, 0) end as active_users_count,
        case when event_scope.is_activity_seen then active_windows.active_users_7d_count end as active_users_7d_count,
        case when event_scope.is_activity_seen then active_windows.active_users_30d_count end as active_users_30d_count,
        case when event_scope.is_beginning_seen then coalesce(days.new_users_count, 0) end as new_users_count,
        case when event_scope.is_activity_seen and event_scope.is_beginning_seen then coalesce(days.repeat_users_count, 0) end
            as repeat_users_count,
        case when event_scope.is_activity_seen and event_scope.is_beginning_seen then coalesce(days.first_repeat_users_count, 0) end
            as first_repeat_users_count,
        case when event_scope.is_activity_seen then coalesce(days.events_count, 0) end as events_count,
        event_scope.notice
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join event_scope on covered_dates.launch_id = event_scope.launch_id
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
    events_count,
    notice
from final
