with source as (
    select * from {{ source('config', 'incident_patterns') }}
)

select
    launch_id,
    post_mortem,
    requirements
from source
