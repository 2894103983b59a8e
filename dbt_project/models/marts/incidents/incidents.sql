with incidents as (
    select * from {{ ref('int_incidents') }}
),

services as (
    select * from {{ ref('stg_pagerduty__services') }}
),

targets as (
    select * from {{ ref('stg_config__incident_targets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'pagerduty'
),

levels as (
    select
        *,
        max(level) over (partition by launch_id) as levels_count
    from {{ ref('stg_config__incident_levels') }}
),

post_mortems as (
    select * from {{ ref('int_post_mortems') }}
),

deployments as (
    select * from {{ ref('int_deployments') }}
),

deployment_keys as (
    select * from {{ ref('stg_config__deployment_keys') }}
),

stream_dates as (
    select * from {{ ref('int_stream_dates') }}
    where stream = 'change_events'
),

-- what went live, or failed to, in the 24 hours up to the trigger
deployed as (
    select
        incidents.launch_id,
        incidents.incident_id,
        count(*) as deployments_count,
        max(deployments.deployed_at) as last_deployed_at
    from incidents
    inner join deployments
        on incidents.launch_id = deployments.launch_id
        and incidents.triggered_at >= deployments.deployed_at
        and incidents.triggered_at < {{ add_seconds('deployments.deployed_at', 86400) }}
    group by incidents.launch_id, incidents.incident_id
),

-- the promise that held when the incident was triggered, and how long it has waited: to its end, or to the end of the data
timed as (
    select
        incidents.*,
        targets.acknowledge_seconds as acknowledge_target_seconds,
        targets.resolve_seconds as resolve_target_seconds,
        {{ seconds_between('incidents.triggered_at', 'incidents.acknowledged_at') }} as acknowledge_seconds,
        {{ seconds_between('incidents.triggered_at', 'incidents.resolved_at') }} as resolve_seconds,
        {{ seconds_between(
            'incidents.triggered_at', 'coalesce(incidents.resolved_at, incidents.merged_at, data_end.data_end_at)'
        ) }} as waited_seconds
    from incidents
    left join targets
        on incidents.launch_id = targets.launch_id
        and incidents.severity = targets.severity
        and incidents.triggered_at >= targets.valid_from
        and (targets.valid_to is null or incidents.triggered_at < targets.valid_to)
    left join data_end
        on incidents.launch_id = data_end.launch_id
),

final as (
    select
        timed.launch_id,
        timed.incident_id,
        timed.incident_number,
        timed.title,
        timed.severity,
        timed.priority_name,
        timed.service_id,
        coalesce(services.service_name, timed.service_name) as service_name,
        timed.merged_into_incident_id,

        {{ local_date('timed.triggered_at', 'launches.timezone') }} as metric_date,
        {{ days_between('launches.launch_date', local_date('timed.triggered_at', 'launches.timezone')) }} as launch_day,
        timed.triggered_at,
        timed.acknowledged_at,
        timed.resolved_at,

        timed.acknowledge_seconds,
        timed.resolve_seconds,
        timed.acknowledge_target_seconds,
        timed.resolve_target_seconds,
        timed.escalation_count,
        levels.level as reached_level,
        levels.level_name as reached_level_name,

        case
            when seen_today.metric_date is not null and seen_before.metric_date is not null
                then coalesce(deployed.deployments_count, 0)
        end as deployments_24h_count,
        deployed.last_deployed_at,

        post_mortems.post_mortem_at,
        post_mortems.post_mortem_due_at,
        post_mortems.post_mortem_status,

        timed.is_open,
        timed.acknowledged_at is not null as is_acknowledged,
        timed.is_merged,
        timed.is_counted,
        {{ is_in_time('timed.acknowledge_seconds', 'timed.waited_seconds', 'timed.acknowledge_target_seconds') }}
            as is_acknowledged_in_time,
        {{ is_in_time('timed.resolve_seconds', 'timed.waited_seconds', 'timed.resolve_target_seconds') }} as is_resolved_in_time
    from timed
    inner join launches on timed.launch_id = launches.launch_id
    left join services
        on timed.launch_id = services.launch_id
        and timed.service_id = services.service_id
    left join deployed
        on timed.launch_id = deployed.launch_id
        and timed.incident_id = deployed.incident_id
    left join levels
        on timed.launch_id = levels.launch_id
        and least(timed.escalation_count + 1, levels.levels_count) = levels.level
    left join post_mortems
        on timed.launch_id = post_mortems.launch_id
        and timed.incident_id = post_mortems.incident_id
    left join deployment_keys on timed.launch_id = deployment_keys.launch_id
    left join stream_dates as seen_today
        on deployment_keys.launch_id = seen_today.launch_id
        and seen_today.metric_date = {{ local_date('timed.triggered_at', 'launches.timezone') }}
    left join stream_dates as seen_before
        on deployment_keys.launch_id = seen_before.launch_id
        and seen_before.metric_date = {{ add_days(local_date('timed.triggered_at', 'launches.timezone'), -1) }}
)

select * from final
