with source as (
    select * from {{ source('config', 'release_promises') }}
)

select
    launch_id,
    priority
from source
