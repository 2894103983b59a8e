{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_quarters('mixpanel', 'metric_date') }}"]
    )
}}

with outcomes as (
    select
        outcomes.*,
        scope.is_seen
    from {{ ref('stg_config__outcome_measures') }} as outcomes
    inner join {{ ref('int_declared_scope') }} as scope
        on outcomes.launch_id = scope.launch_id
        and outcomes.measure_id = scope.measure_id
),

covered_dates as (
    select
        covered.launch_id,
        outcomes.measure_id,
        covered.metric_date,
        {{ cycle_start('outcomes.within_period', 'covered.metric_date') }} as cycle_start
    from {{ ref('int_covered_dates') }} as covered
    inner join outcomes on covered.launch_id = outcomes.launch_id and outcomes.is_seen
    where covered.source = 'mixpanel' and {{ is_dirty_quarter('mixpanel', 'covered.launch_id', 'covered.metric_date') }}
),

events as (
    select
        events.launch_id,
        events.measure_id,
        events.user_key,
        events.event_date,
        outcomes.at_least,
        {{ cycle_start('outcomes.within_period', 'events.event_date') }} as cycle_start,
        events.events_count
    from {{ ref('int_measured_events') }} as events
    inner join outcomes on events.launch_id = outcomes.launch_id and events.measure_id = outcomes.measure_id
    where {{ is_dirty_quarter('mixpanel', 'events.launch_id', 'events.event_date') }}
),

counted as (
    select
        *,
        sum(events_count) over (partition by launch_id, measure_id, cycle_start, user_key order by event_date) as count_to_date
    from events
),

-- the dates on which a user comes in, and reaches the number
users as (
    select
        launch_id,
        measure_id,
        cycle_start,
        user_key,
        min(event_date) as first_date,
        min(case when count_to_date >= at_least then event_date end) as reached_date
    from counted
    group by launch_id, measure_id, cycle_start, user_key
),

arrivals as (
    select launch_id, measure_id, first_date as metric_date, 1 as users_count, 0 as reached_count
    from users
    union all
    select launch_id, measure_id, reached_date as metric_date, 0 as users_count, 1 as reached_count
    from users
    where reached_date is not null
),

days as (
    select
        launch_id,
        measure_id,
        metric_date,
        sum(users_count) as users_count,
        sum(reached_count) as reached_count
    from arrivals
    group by launch_id, measure_id, metric_date
)

select
    covered_dates.launch_id,
    covered_dates.measure_id,
    covered_dates.metric_date,
    cast(coalesce(sum(days.reached_count) over cycle_to_date, 0) as bigint) as reached_count,
    cast(coalesce(sum(days.users_count) over cycle_to_date, 0) as bigint) as users_count
from covered_dates
left join days
    on covered_dates.launch_id = days.launch_id
    and covered_dates.measure_id = days.measure_id
    and covered_dates.metric_date = days.metric_date
window cycle_to_date as (
    partition by covered_dates.launch_id, covered_dates.measure_id, covered_dates.cycle_start
    order by covered_dates.metric_date
)
