with launches as (
    select * from {{ ref('stg_config__launches') }}
)

select
    launch_id,
    name,
    launch_date,
    timezone,
    business_cycle_days,
    minimum_sample_count
from launches
