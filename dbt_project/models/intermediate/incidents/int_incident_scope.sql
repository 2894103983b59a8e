with named_services as (
    select * from {{ ref('stg_config__incident_services') }}
),

services as (
    select * from {{ ref('stg_pagerduty__services') }}
),

incidents as (
    select distinct launch_id, service_id from {{ ref('stg_pagerduty__incidents') }}
),

final as (
    select
        named_services.launch_id,

        count(case when services.service_id is null and incidents.service_id is null then 1 end) as missing_services_count,
        min(case when services.service_id is null and incidents.service_id is null then named_services.service_id end)
            as missing_service_id,
        count(coalesce(services.service_id, incidents.service_id)) > 0 as is_any_service_seen
    from named_services
    left join services
        on named_services.launch_id = services.launch_id
        and named_services.service_id = services.service_id
    left join incidents
        on named_services.launch_id = incidents.launch_id
        and named_services.service_id = incidents.service_id
    group by named_services.launch_id
)

select * from final
