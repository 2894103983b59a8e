with source as (
    select * from {{ source('config', 'action_items') }}
)

select
    launch_id,
    incident_number,
    item,
    opened_date,
    done_date,
    due_date
from source
