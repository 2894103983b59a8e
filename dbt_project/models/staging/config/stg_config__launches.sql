with source as (
    select * from {{ source('config', 'launches') }}
)

select
    launch_id,
    name,
    launch_date,
    timezone,
    business_cycle_days,
    minimum_sample_count
from source
