with source as (
    select * from {{ source('config', 'incident_targets') }}
)

select
    launch_id,
    severity,
    acknowledge_seconds,
    resolve_seconds,
    post_mortem_seconds,
    valid_from,
    valid_to
from source
