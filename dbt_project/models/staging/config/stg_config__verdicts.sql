with source as (
    select * from {{ source('config', 'verdicts') }}
)

select
    launch_id,
    verdict_day
from source
