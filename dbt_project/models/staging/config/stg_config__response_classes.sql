with source as (
    select * from {{ source('config', 'response_classes') }}
)

select
    launch_id,
    service_id,
    class_id,
    from_seconds,
    to_seconds
from source
