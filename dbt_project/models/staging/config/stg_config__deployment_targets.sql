with source as (
    select * from {{ source('config', 'deployment_targets') }}
)

select
    launch_id,
    hotfix_seconds,
    valid_from,
    valid_to
from source
