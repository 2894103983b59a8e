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

terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
),

-- users by how many of a measure's items they did within the period
users as (
    select
        period_dates.launch_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        period_dates.is_counterpart,
        measures.measure_id,
        events.user_key
    from period_dates
    inner join measures on period_dates.launch_id = measures.launch_id
    inner join events
        on measures.launch_id = events.launch_id
        and measures.measure_id = events.measure_id
        and period_dates.metric_date = events.event_date
    group by 1, 2, 3, 4, 5, 6, 7, measures.at_least
    having count(distinct events.item_number) >= measures.at_least
    union all
    select distinct
        period_dates.launch_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        period_dates.is_counterpart,
        terms.measure_id,
        user_days.user_key
    from period_dates
    inner join terms on period_dates.launch_id = terms.launch_id and terms.measure_id = 'period_active_users'
    inner join {{ ref('int_user_days') }} as user_days
        on period_dates.launch_id = user_days.launch_id
        and period_dates.metric_date = user_days.activity_date
)

select
    launch_id,
    period_kind,
    period_start,
    period_end,
    is_counterpart,
    measure_id,
    count(*) as users_count
from users
group by launch_id, period_kind, period_start, period_end, is_counterpart, measure_id
