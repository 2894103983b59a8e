with activity as (
    select * from {{ ref('int_account_user_days') }}
    where measure_id = ''
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

event_scope as (
    select * from {{ ref('int_event_scope') }}
    where is_activity_seen
),

days as (
    select
        activity.launch_id,
        activity.account_id,
        activity.event_date as metric_date,
        count(activity.user_key) as active_users_count,
        count(case when user_days.activity_number = 1 then 1 end) as new_users_count,
        count(case when user_days.activity_number > 1 then 1 end) as repeat_users_count,
        cast(sum(activity.events_count) as bigint) as events_count
    from activity
    inner join covered_dates on activity.launch_id = covered_dates.launch_id and activity.event_date = covered_dates.metric_date
    left join user_days
        on activity.launch_id = user_days.launch_id
        and activity.user_key = user_days.user_key
        and activity.event_date = user_days.activity_date
    group by activity.launch_id, activity.account_id, activity.event_date
)

select
    days.launch_id,
    days.account_id,
    days.metric_date,
    {{ days_between('launches.launch_date', 'days.metric_date') }} as launch_day,
    min(days.metric_date) over (partition by days.launch_id, days.account_id) as first_active_date,
    days.active_users_count,
    case when event_scope.is_beginning_seen then days.new_users_count end as new_users_count,
    case when event_scope.is_beginning_seen then days.repeat_users_count end as repeat_users_count,
    days.events_count
from days
inner join launches on days.launch_id = launches.launch_id
inner join event_scope on days.launch_id = event_scope.launch_id
