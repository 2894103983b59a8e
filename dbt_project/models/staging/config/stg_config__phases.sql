with source as (
    select * from {{ source('config', 'phases') }}
)

select
    launch_id,
    phase_id,
    from_day,
    to_day
from source
