with source as (
    select * from {{ source('config', 'event_measures') }}
)

select
    launch_id,
    measure_id,
    event_name,
    aggregate,
    property,
    conditions,
    user_day
from source
