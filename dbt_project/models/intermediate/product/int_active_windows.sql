with user_days as (
    select * from {{ ref('int_user_days') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

-- A user is in the trailing window of n days from an active day until n days later or the next active day, whichever is
-- earlier: one arrival and one departure an active day, so that the running sum counts each user once a date.
arrivals as (
    select
        launch_id,
        activity_date as metric_date,
        count(*) as users_7d_change,
        count(*) as users_30d_change
    from user_days
    group by launch_id, activity_date
),
{% for days in [7, 30] %}
departures_{{ days }}d as (
    select
        launch_id,
        least(coalesce(next_activity_date, {{ add_days('activity_date', days) }}), {{ add_days('activity_date', days) }}) as metric_date,
        {{ '-count(*)' if days == 7 else '0' }} as users_7d_change,
        {{ '-count(*)' if days == 30 else '0' }} as users_30d_change
    from user_days
    group by 1, 2
),
{% endfor %}
changes as (
    select launch_id, metric_date, users_7d_change, users_30d_change, false as is_covered from arrivals
    union all
    select launch_id, metric_date, users_7d_change, users_30d_change, false as is_covered from departures_7d
    union all
    select launch_id, metric_date, users_7d_change, users_30d_change, false as is_covered from departures_30d
    union all
    select launch_id, metric_date, 0 as users_7d_change, 0 as users_30d_change, true as is_covered from covered_dates
),

dates as (
    select
        launch_id,
        metric_date,
        bool_or(is_covered) as is_covered,
        sum(sum(users_7d_change)) over launch_history as active_users_7d_count,
        sum(sum(users_30d_change)) over launch_history as active_users_30d_count
    from changes
    group by launch_id, metric_date
    window launch_history as (partition by launch_id order by metric_date)
)

select
    launch_id,
    metric_date,
    cast(active_users_7d_count as bigint) as active_users_7d_count,
    cast(active_users_30d_count as bigint) as active_users_30d_count
from dates
where is_covered
