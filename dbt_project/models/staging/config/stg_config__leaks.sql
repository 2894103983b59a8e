with source as (
    select * from {{ source('config', 'leaks') }}
)

select
    launch_id,
    alert_id,
    message,
    severity,
    page,
    subject_id
from source
