with source as (
    select * from {{ source('config', 'prometheus_metrics') }}
)

select
    launch_id,
    metric_id,
    kind,
    subject_id,
    subject_name,
    query,
    unit,
    status_label,
    error_codes,
    trigger_value,
    step_seconds,
    reading
from source
