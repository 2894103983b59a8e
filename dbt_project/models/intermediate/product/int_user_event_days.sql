{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"],
        post_hook="{{ index_where('launch_id, id_key', 'id_key <> user_key') }}",
        indexes=[
            {'columns': ['launch_id', 'user_key', 'event_date']},
            {'columns': ['launch_id', 'event_date']},
        ]
    )
}}

with {{ mixpanel_events(is_dirty_date('mixpanel', 'raw_events.launch_id', 'raw_events.event_date')) }}

select
    launch_id,
    id_key,
    user_key,
    event_name,
    event_date,
    count(*) as events_count
from events
group by id_key, user_key, event_date, event_name, launch_id
