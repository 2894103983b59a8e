with events as (
    select * from {{ source('raw', 'mixpanel_events') }}
),

pseudonym_key as (
    select * from {{ source('config', 'pseudonym_key') }}
)

select
    events.launch_id,
    {{ pseudonym('events.distinct_id', 'pseudonym_key') }} as user_key,
    events.event_name,
    events.event_date,
    events.occurred_at
from events
cross join pseudonym_key
