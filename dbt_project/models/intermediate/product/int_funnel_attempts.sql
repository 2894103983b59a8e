{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_attempts_before_dirty_dates('entry_date') }}"],
        indexes=[
            {'columns': ['launch_id', 'entry_date']},
            {'columns': ['launch_id', 'funnel_id', 'user_key', 'entry_date']},
        ]
    )
}}

with recursive funnel_events as (
    select * from {{ ref('int_funnel_events') }}
    where {{ is_within_a_window_of_dirty_dates('launch_id', 'event_date', is_after_too=true) }}
),

funnel_steps as (
    select
        funnel_steps.*,
        launches.timezone
    from {{ ref('stg_config__funnel_steps') }} as funnel_steps
    inner join {{ ref('stg_config__launches') }} as launches on funnel_steps.launch_id = launches.launch_id
),

-- A user's events in the order in which they happened; those of one moment in the order of their source.
numbered as (
    select
        funnel_events.*,
        row_number() over (partition by user_key, launch_id order by occurred_at, source_order) as event_number
    from funnel_events
),

-- How far a user could have come: up to the step before the first one whose event they never did. Few come far in a long funnel.
names as (
    select distinct launch_id, user_key, event_name from funnel_events
),

known_steps as (
    select
        names.launch_id,
        names.user_key,
        funnel_steps.funnel_id,
        funnel_steps.step_number,
        row_number() over (
            partition by names.user_key, names.launch_id, funnel_steps.funnel_id order by funnel_steps.step_number
        ) as known_count
    from names
    inner join funnel_steps on names.launch_id = funnel_steps.launch_id and names.event_name = funnel_steps.event_name
),

within_reach as (
    select
        launch_id,
        user_key,
        funnel_id,
        max(step_number) as step_number
    from known_steps
    where known_count = step_number
    group by user_key, launch_id, funnel_id
),

matches as (
    select
        numbered.*,
        funnel_steps.funnel_id,
        funnel_steps.step_number,
        {{ add_seconds('numbered.occurred_at', 'funnel_steps.window_seconds') }} as closes_at,
        funnel_steps.timezone
    from numbered
    inner join funnel_steps on numbered.launch_id = funnel_steps.launch_id and numbered.event_name = funnel_steps.event_name
    inner join within_reach
        on numbered.launch_id = within_reach.launch_id
        and numbered.user_key = within_reach.user_key
        and funnel_steps.funnel_id = within_reach.funnel_id
        and funnel_steps.step_number <= within_reach.step_number
),

-- From each event that may be a step to the first later one that may be the next: steps and their next ones of a user together are
-- one sort, however long the funnel is. Latest first, for a minimum over a growing frame is carried on, and one over a shrinking frame is
-- computed anew for each of its rows. By user first, as they differ most.
timeline as (
    select
        launch_id, funnel_id, user_key, step_number + 1 as step_number, event_number,
        null as step_event_number, null as step_at, null as step_order
    from matches
    union all
    select
        launch_id, funnel_id, user_key, step_number, event_number,
        event_number as step_event_number, occurred_at as step_at, source_order as step_order
    from matches
),

ahead as (
    select
        timeline.*,
        min(step_event_number) over later_events as next_event_number,
        min(step_at) over later_events as next_at
    from timeline
    window later_events as (
        partition by user_key, launch_id, funnel_id, step_number
        order by event_number desc
        range between unbounded preceding and 1 preceding
    )
),

-- Once, and not again for each step of the walk.
hops as {{ materialized() }} (
    select launch_id, funnel_id, user_key, step_number, event_number, next_event_number, next_at
    from ahead
    where step_event_number is null and next_event_number is not null
),

-- Every first step is an attempt; it goes on step by step while its window is open.
walk as (
    select
        launch_id, funnel_id, user_key, event_number as entry_number, event_date as entry_date, occurred_at as entered_at,
        source_order as entry_order, closes_at, {{ local_date('closes_at', 'timezone') }} as closing_date, step_number, event_number
    from matches
    where step_number = 1 and {{ is_within_a_window_of_dirty_dates('launch_id', 'event_date') }}
    union all
    select
        walk.launch_id, walk.funnel_id, walk.user_key, walk.entry_number, walk.entry_date, walk.entered_at,
        walk.entry_order, walk.closes_at, walk.closing_date, hops.step_number, hops.next_event_number as event_number
    from walk
    inner join hops
        on walk.launch_id = hops.launch_id
        and walk.funnel_id = hops.funnel_id
        and walk.user_key = hops.user_key
        and walk.step_number + 1 = hops.step_number
        and walk.event_number = hops.event_number
        and walk.closes_at >= hops.next_at
),

reached as (
    select
        launch_id, funnel_id, user_key, entry_date, entered_at, entry_order, closes_at, closing_date, entry_number,
        max(step_number) as reached_step_number,
        max(event_number) as reached_event_number
    from walk
    group by user_key, launch_id, funnel_id, entry_number, entry_date, entered_at, entry_order, closes_at, closing_date
)

select
    reached.launch_id,
    reached.funnel_id,
    reached.user_key,
    reached.entry_date,
    reached.entered_at,
    reached.entry_order,
    reached.closes_at,
    reached.closing_date,
    reached.reached_step_number,
    numbered.occurred_at as reached_at,
    numbered.source_order as reached_order
from reached
inner join numbered
    on reached.launch_id = numbered.launch_id
    and reached.user_key = numbered.user_key
    and reached.reached_event_number = numbered.event_number
