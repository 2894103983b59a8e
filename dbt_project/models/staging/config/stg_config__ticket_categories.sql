with source as (
    select * from {{ source('config', 'ticket_categories') }}
)

select
    launch_id,
    category_id,
    category_name,
    kind,
    severity
from source
