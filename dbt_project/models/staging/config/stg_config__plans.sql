with source as (
    select * from {{ source('config', 'plans') }}
)

select
    launch_id,
    month_number,
    kpi_id,
    planned_value,
    is_per_day,
    30 * (month_number - 1) as from_day,
    30 * month_number - 1 as to_day
from source
