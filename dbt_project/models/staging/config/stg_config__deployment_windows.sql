with source as (
    select * from {{ source('config', 'deployment_windows') }}
)

select
    launch_id,
    from_day,
    to_day,
    opens_second,
    closes_second
from source
