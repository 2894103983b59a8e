with pagerduty_incidents as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

responses as (
    select * from {{ ref('int_incident_responses') }}
),

severities as (
    select * from {{ ref('int_priority_severities') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- an incident that is open again keeps the log entry of its former resolution, but is not resolved; one that was merged ends elsewhere
responded as (
    select
        pagerduty_incidents.*,
        responses.first_acknowledged_at as acknowledged_at,
        case
            when pagerduty_incidents.status = 'resolved'
                then coalesce(responses.last_resolved_at, pagerduty_incidents.last_resolved_at, pagerduty_incidents.status_changed_at)
        end as ended_at,
        coalesce(responses.escalation_count, 0) as escalation_count
    from pagerduty_incidents
    left join responses
        on pagerduty_incidents.launch_id = responses.launch_id
        and pagerduty_incidents.incident_id = responses.incident_id
),

-- of those merged into an incident that is not the launch's, the first stands for it
final as (
    select
        responded.launch_id,
        responded.incident_id,
        responded.incident_number,
        responded.service_id,
        responded.service_name,
        case when launches.shows_incident_titles then {{ without_personal_data('responded.title') }} end as title,
        responded.priority_name,
        coalesce(severities.severity, 'none') as severity,

        responded.triggered_at,
        responded.acknowledged_at,
        case when not responded.is_merged then responded.ended_at end as resolved_at,
        case when responded.is_merged then responded.ended_at end as merged_at,
        case when responded.is_merged then responded.merged_into_incident_id end as merged_into_incident_id,

        responded.escalation_count,
        responded.ended_at is null as is_open,
        responded.is_merged,
        not responded.is_merged or (
            survivors.incident_id is null
            and row_number() over (
                partition by responded.launch_id, responded.is_merged, responded.merged_into_incident_id
                order by responded.triggered_at, responded.incident_id
            ) = 1
        ) as is_counted
    from responded
    inner join launches on responded.launch_id = launches.launch_id
    left join pagerduty_incidents as survivors
        on responded.launch_id = survivors.launch_id
        and responded.merged_into_incident_id = survivors.incident_id
    left join severities
        on responded.launch_id = severities.launch_id
        and responded.priority_name = severities.priority_name
)

select * from final
