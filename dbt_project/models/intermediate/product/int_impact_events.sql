{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"],
        indexes=[{'columns': ['launch_id', 'event_date']}, {'columns': ['launch_id', 'event_name', 'occurred_at']}]
    )
}}

with {{ mixpanel_events(
    is_dirty_date('mixpanel', 'raw_events.launch_id', 'raw_events.event_date'),
    '(raw_events.launch_id, raw_events.event_name) in (select named.launch_id, named.event_name from '
    ~ ref('stg_config__impact_events') ~ ' as named)'
) }}

select
    launch_id,
    event_name,
    event_date,
    occurred_at,
    user_key
from events
