{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_periods('mixpanel') }}"]
    )
}}

with period_dates as (
    select periods.* from {{ ref('int_period_dates') }} as periods
    where periods.source = 'mixpanel' and {{ is_dirty_period('mixpanel', 'periods') }}
),

measures as (
    select
        launch_id,
        measure_id,
        max(at_least) as at_least
    from {{ ref('stg_config__user_measures') }}
    group by launch_id, measure_id
),

events as (
    select * from {{ ref('int_measured_events') }}
    where user_key is not null
),

active_terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
    where measure_id = 'period_active_users'
),

-- a number a period: rows stay narrow where every user of every date of every period is one
numbered as (
    select
        *,
        dense_rank() over (order by launch_id, period_kind, period_start, period_end, is_counterpart) as period_number
    from period_dates
),

periods as (
    select distinct
        launch_id,
        period_kind,
        period_start,
        period_end,
        is_counterpart,
        period_number
    from numbered
),

items as (
    select
        numbered.period_number,
        measures.measure_id,
        measures.at_least,
        events.user_key,
        events.item_number
    from numbered
    inner join measures on numbered.launch_id = measures.launch_id
    inner join events
        on measures.launch_id = events.launch_id
        and measures.measure_id = events.measure_id
        and numbered.metric_date = events.event_date
    group by 1, 2, 3, 4, 5
),

-- users by how many of a measure's items they did within the period
users as (
    select
        period_number,
        measure_id,
        user_key
    from items
    group by 1, 2, 3
    having count(*) >= max(at_least)
    union all
    select
        numbered.period_number,
        'period_active_users' as measure_id,
        user_days.user_key
    from numbered
    inner join {{ ref('int_user_days') }} as user_days
        on numbered.launch_id = user_days.launch_id
        and numbered.metric_date = user_days.activity_date
    where numbered.launch_id in (select active_terms.launch_id from active_terms)
    group by 1, 2, 3
),

counted as (
    select
        period_number,
        measure_id,
        count(*) as users_count
    from users
    group by 1, 2
)

select
    periods.launch_id,
    periods.period_kind,
    periods.period_start,
    periods.period_end,
    periods.is_counterpart,
    counted.measure_id,
    counted.users_count
from counted
inner join periods on counted.period_number = periods.period_number
