{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"],
        indexes=[{'columns': ['launch_id', 'event_date']}]
    )
}}

with {{ mixpanel_events(
    is_dirty_date('mixpanel', 'raw_events.launch_id', 'raw_events.event_date'),
    '(raw_events.launch_id, raw_events.event_name) in (select named.launch_id, named.event_name from '
    ~ ref('stg_config__funnel_steps') ~ ' as named)'
) }}

select
    launch_id,
    user_key,
    event_name,
    event_date,
    occurred_at,
    source_order
from events
where user_key is not null
