with source as (
    select * from {{ source('config', 'launches') }}
)

select
    launch_id,
    name,
    launch_date,
    timezone,
    business_cycle_days,
    minimum_sample_count,
    coalesce(cast({{ json_text('spec', 'pagerduty', 'show_titles') }} as boolean), false) as shows_incident_titles,
    {{ json_text('spec', 'mixpanel', 'registration_event') }} as registration_event,
    {{ json_text('spec', 'population', 'account') }} as account_property,
    {{ json_text('spec', 'zendesk', 'brand_id') }} as zendesk_brand_id
from source
