with source as (
    select * from {{ source('config', 'ticket_category_tags') }}
)

select
    launch_id,
    category_id,
    tag
from source
