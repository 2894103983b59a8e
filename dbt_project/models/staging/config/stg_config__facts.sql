with source as (
    select * from {{ source('config', 'facts') }}
)

select
    launch_id,
    kpi_id,
    'facts.' || kpi_id as source,
    measure_id,
    fact_date as metric_date,
    value
from source
