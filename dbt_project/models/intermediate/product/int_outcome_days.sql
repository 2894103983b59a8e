{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_outcome_days('metric_date') }}"]
    )
}}

with outcomes as (
    select * from {{ ref('stg_config__outcome_measures') }}
),

-- of everybody, and of each segment; what profiles have a say in is counted again each night
asked as (
    select outcomes.*, '' as segment_id, counted_by = 'account' as is_counted_again from outcomes
    union all
    select outcomes.*, segments.segment_id, true as is_counted_again
    from outcomes
    inner join {{ ref('int_segments') }} as segments on outcomes.launch_id = segments.launch_id
    where outcomes.counted_by = 'user' and segments.is_known
),

covered_dates as (
    select
        asked.*,
        covered.metric_date,
        {{ cycle_start('asked.within_period', 'covered.metric_date') }} as cycle_start,
        {{ previous_cycle_start('asked.within_period', 'covered.metric_date') }} as previous_cycle_start
    from {{ ref('int_covered_dates') }} as covered
    inner join asked on covered.launch_id = asked.launch_id
    where covered.source = 'mixpanel'
),

covered_cycles as (
    select distinct launch_id, measure_id, cycle_start from covered_dates
),

measured_events as (
    select events.* from {{ ref('int_measured_events') }} as events
    inner join outcomes on events.launch_id = outcomes.launch_id and events.measure_id = outcomes.measure_id
),

-- who is counted is a user or an account
events as (
    select launch_id, '' as segment_id, measure_id, user_key as member_id, event_date, events_count from measured_events
    union all
    select events.launch_id, segments.segment_id, events.measure_id, events.user_key as member_id, events.event_date, events.events_count
    from measured_events as events
    inner join {{ ref('int_user_segments') }} as segments on events.launch_id = segments.launch_id and events.user_key = segments.user_key
    union all
    select launch_id, '' as segment_id, measure_id, account_id as member_id, event_date, events_count
    from {{ ref('int_account_user_days') }}
),

counted as (
    select
        asked.*,
        events.member_id,
        events.event_date,
        {{ cycle_start('asked.within_period', 'events.event_date') }} as cycle_start,
        {{ previous_cycle_start('asked.within_period', 'events.event_date') }} as previous_cycle_start,
        sum(events.events_count) over (
            partition by
                events.launch_id, events.measure_id, events.segment_id, events.member_id,
                {{ cycle_start('asked.within_period', 'events.event_date') }}
            order by events.event_date
        ) as count_to_date
    from asked
    inner join events
        on asked.launch_id = events.launch_id
        and asked.measure_id = events.measure_id
        and asked.segment_id = events.segment_id
    where
        {{ is_dirty_quarter('mixpanel', 'events.launch_id', 'events.event_date', [0, 1]) }}
        or (asked.is_of_previous and {{ is_dirty_quarter('mixpanel', 'events.launch_id', 'events.event_date', [-1]) }})
        or asked.is_counted_again
),

-- the dates on which a member comes in, and reaches the number
members as (
    select
        launch_id,
        measure_id,
        segment_id,
        is_of_previous,
        cycle_start,
        previous_cycle_start,
        member_id,
        min(event_date) as first_date,
        min(case when count_to_date >= at_least then event_date end) as reached_date
    from counted
    group by launch_id, measure_id, segment_id, is_of_previous, cycle_start, previous_cycle_start, member_id
),

reached as (
    select * from members
    where reached_date is not null
),

arrivals as (
    select launch_id, measure_id, segment_id, first_date as metric_date, 1 as of_count, 0 as reached_count from members
    where not is_of_previous
    union all
    select launch_id, measure_id, segment_id, reached_date as metric_date, 0 as of_count, 1 as reached_count from reached
    where not is_of_previous
    union all
    select
        reached.launch_id, reached.measure_id, reached.segment_id, reached.reached_date as metric_date, 0 as of_count, 1 as reached_count
    from reached
    inner join reached as before
        on reached.launch_id = before.launch_id
        and reached.measure_id = before.measure_id
        and reached.segment_id = before.segment_id
        and reached.member_id = before.member_id
        and reached.previous_cycle_start = before.cycle_start
    where reached.is_of_previous
),

days as (
    select
        launch_id,
        measure_id,
        segment_id,
        metric_date,
        sum(of_count) as of_count,
        sum(reached_count) as reached_count
    from arrivals
    group by launch_id, measure_id, segment_id, metric_date
),

cycles as (
    select
        launch_id,
        measure_id,
        segment_id,
        cycle_start,
        count(*) as reached_count
    from reached
    group by launch_id, measure_id, segment_id, cycle_start
)

-- of those who reached it in the cycle before nothing is known where no date of that was seen
select
    covered_dates.launch_id,
    covered_dates.measure_id,
    covered_dates.segment_id,
    covered_dates.metric_date,
    cast(coalesce(sum(days.reached_count) over cycle_to_date, 0) as bigint) as reached_count,
    cast(
        case
            when covered_dates.is_of_previous then coalesce(cycles.reached_count, 0)
            else coalesce(sum(days.of_count) over cycle_to_date, 0)
        end as bigint
    ) as of_count
from covered_dates
left join covered_cycles
    on covered_dates.launch_id = covered_cycles.launch_id
    and covered_dates.measure_id = covered_cycles.measure_id
    and covered_dates.previous_cycle_start = covered_cycles.cycle_start
left join cycles
    on covered_dates.launch_id = cycles.launch_id
    and covered_dates.measure_id = cycles.measure_id
    and covered_dates.segment_id = cycles.segment_id
    and covered_dates.previous_cycle_start = cycles.cycle_start
left join days
    on covered_dates.launch_id = days.launch_id
    and covered_dates.measure_id = days.measure_id
    and covered_dates.segment_id = days.segment_id
    and covered_dates.metric_date = days.metric_date
where
    (
        {{ is_dirty_quarter('mixpanel', 'covered_dates.launch_id', 'covered_dates.metric_date', [0, 1]) }}
        or covered_dates.is_counted_again
    )
    and (not covered_dates.is_of_previous or covered_cycles.cycle_start is not null)
window cycle_to_date as (
    partition by covered_dates.launch_id, covered_dates.measure_id, covered_dates.segment_id, covered_dates.cycle_start
    order by covered_dates.metric_date
)
