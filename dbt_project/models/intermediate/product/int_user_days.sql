{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='loops') }}", "{{ delete_changed_user_days() }}"],
        indexes=[
            {'columns': ['launch_id', 'user_key', 'activity_date'], 'unique': true},
            {'columns': ['launch_id', 'activity_date']},
        ]
    )
}}

with changed_users as (
    select * from {{ ref('int_changed_users') }}
),

-- What a night does not make again goes before: int_changed_users knows its last day. A night finds these days first and asks then which
-- are activity: the planner takes that look-up to be hashed anew for each user whose days are looked for, and would read all days.
user_event_days as {{ materialized_at_night() }} (
    select
        event_days.*,
        changed_users.kept_date,
        changed_users.kept_first_date,
        changed_users.kept_number
    from {{ ref('int_user_event_days') }} as event_days
    {{ join_changed() }} changed_users
        on event_days.launch_id = changed_users.launch_id
        and event_days.user_key = changed_users.user_key
        and event_days.event_date >= changed_users.from_date
    where event_days.user_key is not null
),

activity as (
    select
        *,
        {{ is_beginning('launch_id', 'event_name') }} as is_beginning
    from user_event_days
    where {{ is_activity('launch_id', 'event_name') }}
),

user_days as (
    select
        launch_id,
        user_key,
        event_date as activity_date,
        kept_date,
        kept_first_date,
        coalesce(kept_number, 0) as kept_number,
        cast(sum(events_count) as bigint) as events_count,
        bool_or(is_beginning) as is_beginning
    from activity
    group by user_key, launch_id, event_date, kept_date, kept_first_date, kept_number
),

begun as (
    select
        user_days.*,
        coalesce(
            kept_first_date, min(case when is_beginning then activity_date end) over (partition by user_key, launch_id)
        ) as first_date
    from user_days
)

select
    launch_id,
    user_key,
    activity_date,
    coalesce(lag(activity_date) over user_history, kept_date) as previous_activity_date,
    case when activity_date >= first_date then first_date end as first_date,
    kept_number + count(case when activity_date >= first_date then 1 end) over user_history as activity_number,
    events_count
from begun
window user_history as (partition by user_key, launch_id order by activity_date)
