with source as (
    select * from {{ source('config', 'deployment_keys') }}
)

select
    launch_id,
    version_key,
    kind_key,
    result_key,
    identified_at_key
from source
