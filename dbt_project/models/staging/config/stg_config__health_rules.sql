with source as (
    select * from {{ source('config', 'health_rules') }}
)

select
    launch_id,
    colour,
    rule_name,
    outreach,
    inactive_days,
    usage_below,
    tickets_count,
    organization_tag
from source
