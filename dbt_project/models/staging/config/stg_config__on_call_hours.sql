with source as (
    select * from {{ source('config', 'on_call_hours') }}
)

select
    launch_id,
    coverage_date,
    starts_at,
    ends_at
from source
