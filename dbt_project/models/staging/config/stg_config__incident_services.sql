with source as (
    select * from {{ source('config', 'incident_services') }}
)

select
    launch_id,
    service_id
from source
