with source as (
    select * from {{ source('config', 'segments') }}
)

select
    launch_id,
    segment_id,
    segment_name,
    from_day,
    to_day,
    conditions
from source
