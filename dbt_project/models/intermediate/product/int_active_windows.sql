with active_days as (
    select * from {{ ref('int_active_days') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

-- An active day keeps a user in the trailing window of n days until n days later. The user arrives with it, or where the day before it
-- ends: one arrival and one departure an active day, so that the running sum counts each user once a date.
changes as (
    {% for days in [7, 30] %}
    select
        launch_id,
        {{ add_days('metric_date', 'greatest(' ~ days ~ ' - pause_days, 0)') }} as metric_date,
        {{ 'users_count' if days == 7 else '0' }} as users_7d_change,
        {{ 'users_count' if days == 30 else '0' }} as users_30d_change,
        false as is_covered
    from active_days
    union all
    select
        launch_id,
        {{ add_days('metric_date', days) }} as metric_date,
        {{ '-users_count' if days == 7 else '0' }} as users_7d_change,
        {{ '-users_count' if days == 30 else '0' }} as users_30d_change,
        false as is_covered
    from active_days
    union all
    {% endfor %}
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
