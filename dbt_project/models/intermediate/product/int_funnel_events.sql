{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_dirty_dates('mixpanel', 'event_date') }}"
    )
}}

with events as (
    select * from {{ ref('stg_mixpanel__events') }}
),

funnel_steps as (
    select * from {{ ref('stg_config__funnel_steps') }}
)

select distinct
    events.launch_id,
    funnel_steps.funnel_id,
    funnel_steps.step_number,
    events.user_key,
    events.event_date,
    events.occurred_at
from events
inner join funnel_steps
    on events.launch_id = funnel_steps.launch_id
    and events.event_name = funnel_steps.event_name
where {{ is_dirty_date('mixpanel', 'events.launch_id', 'events.event_date') }}
