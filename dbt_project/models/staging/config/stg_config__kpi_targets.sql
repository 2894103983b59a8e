with source as (
    select * from {{ source('config', 'kpi_targets') }}
)

select
    launch_id,
    kpi_id,
    subject_id,
    segment_id,
    from_day,
    to_day,
    comparator,
    target,
    valid_from,
    valid_to
from source
