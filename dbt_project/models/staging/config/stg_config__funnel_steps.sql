with source as (
    select * from {{ source('config', 'funnel_steps') }}
)

select
    launch_id,
    funnel_id,
    funnel_name,
    step_number,
    event_name,
    window_seconds
from source
