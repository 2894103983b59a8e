{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"],
        indexes=[{'columns': ['launch_id', 'event_date']}]
    )
}}

with events as (
    select * from {{ ref('stg_mixpanel__events') }}
    where user_key is not null
),

funnel_steps as (
    select * from {{ ref('stg_config__funnel_steps') }}
)

select
    launch_id,
    user_key,
    event_name,
    event_date,
    occurred_at,
    source_order
from events
where
    (launch_id, event_name) in (select funnel_steps.launch_id, funnel_steps.event_name from funnel_steps)
    and {{ is_dirty_date('mixpanel', 'launch_id', 'event_date') }}
