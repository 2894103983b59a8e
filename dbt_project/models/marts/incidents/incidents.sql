with pagerduty_incidents as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

services as (
    select * from {{ ref('stg_pagerduty__services') }}
),

responses as (
    select * from {{ ref('int_incident_responses') }}
),

severities as (
    select * from {{ ref('stg_config__severities') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- an incident that is open again keeps the log entry of its former resolution, but is not resolved
responded as (
    select
        pagerduty_incidents.*,
        responses.first_acknowledged_at as acknowledged_at,
        case
            when pagerduty_incidents.status = 'resolved'
                then coalesce(responses.last_resolved_at, pagerduty_incidents.last_resolved_at, pagerduty_incidents.status_changed_at)
        end as resolved_at,
        coalesce(responses.escalation_count, 0) as escalation_count
    from pagerduty_incidents
    left join responses
        on pagerduty_incidents.launch_id = responses.launch_id
        and pagerduty_incidents.incident_id = responses.incident_id
),

final as (
    select
        responded.launch_id,
        responded.incident_id,
        responded.incident_number,
        responded.title,
        coalesce(severities.severity, 'none') as severity,
        responded.service_id,
        coalesce(services.service_name, responded.service_name) as service_name,

        {{ local_date('responded.triggered_at', 'launches.timezone') }} as metric_date,
        {{ days_between('launches.launch_date', local_date('responded.triggered_at', 'launches.timezone')) }} as launch_day,
        responded.triggered_at,
        responded.acknowledged_at,
        responded.resolved_at,

        {{ seconds_between('responded.triggered_at', 'responded.acknowledged_at') }} as acknowledge_seconds,
        {{ seconds_between('responded.triggered_at', 'responded.resolved_at') }} as resolve_seconds,

        responded.resolved_at is null as is_open,
        responded.acknowledged_at is not null as is_acknowledged,
        responded.escalation_count
    from responded
    inner join launches
        on responded.launch_id = launches.launch_id
    left join services
        on responded.launch_id = services.launch_id
        and responded.service_id = services.service_id
    left join severities
        on responded.launch_id = severities.launch_id
        and responded.priority_name = severities.priority_name
)

select * from final
