with source as (
    select * from {{ source('raw', 'event_property_days') }}
)

select
    launch_id,
    event_name,
    property,
    bool_or(value_type <> 'null') as has_value
from source
group by launch_id, event_name, property
