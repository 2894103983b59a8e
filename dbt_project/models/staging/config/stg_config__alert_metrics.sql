with source as (
    select * from {{ source('config', 'alert_metrics') }}
)

select
    launch_id,
    alert_id,
    metric_id,
    part
from source
