with source as (
    select * from {{ source('config', 'alerts') }}
)

select
    launch_id,
    alert_id,
    message,
    severity,
    page,
    comparator,
    bound,
    for_seconds,
    page_within_seconds,
    reading,
    quantile
from source
