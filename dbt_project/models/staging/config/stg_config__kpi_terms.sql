with source as (
    select * from {{ source('config', 'kpi_terms') }}
)

select
    launch_id,
    kpi_id,
    part,
    measure_id,
    weight
from source
