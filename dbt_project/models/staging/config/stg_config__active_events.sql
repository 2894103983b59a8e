with source as (
    select * from {{ source('config', 'active_events') }}
)

select
    launch_id,
    event_name
from source
