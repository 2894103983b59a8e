with source as (
    select * from {{ source('config', 'user_measures') }}
)

select
    launch_id,
    measure_id,
    item_number,
    event_name,
    at_least,
    conditions
from source
