{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"]
    )
}}

with user_event_days as (
    select * from {{ ref('int_user_event_days') }}
    where {{ is_dirty_date('mixpanel', 'launch_id', 'event_date') }}
),

-- twice grouped, for a count of distinct users is one sort of all of them
users as (
    select
        launch_id,
        event_name,
        event_date,
        user_key,
        sum(events_count) as events_count
    from user_event_days
    group by user_key, event_date, event_name, launch_id
)

select
    launch_id,
    event_name,
    event_date,
    cast(sum(events_count) as bigint) as events_count,
    count(user_key) as users_count
from users
group by launch_id, event_name, event_date
