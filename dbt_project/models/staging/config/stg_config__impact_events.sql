with source as (
    select * from {{ source('config', 'impact_events') }}
)

select
    launch_id,
    event_name
from source
