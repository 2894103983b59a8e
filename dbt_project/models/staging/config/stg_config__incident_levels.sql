with source as (
    select * from {{ source('config', 'incident_levels') }}
)

select
    launch_id,
    level,
    level_name
from source
