with {{ mixpanel_events() }}

select
    launch_id,
    id_key,
    user_key,
    event_name,
    event_date,
    occurred_at,
    source_order
from events
