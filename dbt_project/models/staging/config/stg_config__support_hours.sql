with source as (
    select * from {{ source('config', 'support_hours') }}
)

select
    launch_id,
    support_date,
    opens_at,
    closes_at
from source
