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
)

select
    launch_id,
    event_name,
    event_date,
    cast(sum(events_count) as bigint) as events_count,
    count(distinct user_key) as users_count
from user_event_days
group by launch_id, event_name, event_date
