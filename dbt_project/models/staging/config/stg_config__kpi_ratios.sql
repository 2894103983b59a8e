with source as (
    select * from {{ source('config', 'kpi_ratios') }}
)

select
    launch_id,
    kpi_id,
    numerator_kpi_id,
    denominator_kpi_id,
    factor
from source
