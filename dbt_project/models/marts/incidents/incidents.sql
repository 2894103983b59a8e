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
)

select * from final
