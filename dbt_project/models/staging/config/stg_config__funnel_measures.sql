with source as (
    select * from {{ source('config', 'funnel_measures') }}
)

select
    launch_id,
    measure_id,
    funnel_id,
    of_step,
    step,
    is_lost
from source
