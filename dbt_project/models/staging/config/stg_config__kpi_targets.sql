with source as (
    select * from {{ source('config', 'kpi_targets') }}
)

select
    launch_id,
    kpi_id,
    subject_id,
    segment_id,
    phase_id,
    from_day,
    to_day,
    per,
    comparator,
    target,
    change,
    since_from_day,
    since_to_day,
    promise,
    valid_from,
    valid_to
from source
