with source as (
    select * from {{ source('config', 'facts') }}
)

select
    launch_id,
    measure_id,
    read_as,
    each_is,
    fact_date,
    value
from source
