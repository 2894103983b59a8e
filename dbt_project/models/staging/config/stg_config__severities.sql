with source as (
    select * from {{ source('config', 'severities') }}
)

select
    launch_id,
    priority_name,
    severity
from source
