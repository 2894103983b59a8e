with source as (
    select * from {{ source('config', 'sla_targets') }}
)

select
    launch_id,
    priority,
    metric,
    target_seconds,
    valid_from,
    valid_to
from source
