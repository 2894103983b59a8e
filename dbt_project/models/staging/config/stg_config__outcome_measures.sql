with source as (
    select * from {{ source('config', 'outcome_measures') }}
)

select
    launch_id,
    measure_id,
    event_name,
    at_least,
    within_period,
    counted_by,
    conditions,
    is_of_previous
from source
