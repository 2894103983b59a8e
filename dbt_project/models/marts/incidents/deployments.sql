with deployments as (
    select * from {{ ref('int_deployments') }}
),

incidents as (
    select * from {{ ref('int_incidents') }}
    where is_counted
),

targets as (
    select * from {{ ref('stg_config__deployment_targets') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'pagerduty'
),

followed as (
    select
        deployments.launch_id,
        deployments.deployment_id,
        count(*) as incidents_count
    from deployments
    inner join incidents
        on deployments.launch_id = incidents.launch_id
        and deployments.deployed_at <= incidents.triggered_at
        and {{ add_seconds('deployments.deployed_at', 86400) }} > incidents.triggered_at
    group by deployments.launch_id, deployments.deployment_id
),

-- a hotfix that failed is not live, and what follows a deployment is not known before the day is over
judged as (
    select
        deployments.*,
        case
            when deployments.is_hotfix and deployments.is_successful
                then {{ seconds_between('deployments.identified_at', 'deployments.deployed_at') }}
        end as live_seconds,
        case when deployments.is_hotfix then targets.hotfix_seconds end as live_target_seconds,
        case
            when {{ add_seconds('deployments.deployed_at', 86400) }} <= data_end.data_end_at then coalesce(followed.incidents_count, 0)
        end as incidents_24h_count
    from deployments
    left join followed
        on deployments.launch_id = followed.launch_id
        and deployments.deployment_id = followed.deployment_id
    left join targets
        on deployments.launch_id = targets.launch_id
        and deployments.deployed_at >= targets.valid_from
        and (targets.valid_to is null or deployments.deployed_at < targets.valid_to)
    left join data_end on deployments.launch_id = data_end.launch_id
),

final as (
    select
        launch_id,
        deployment_id,
        metric_date,
        launch_day,
        deployed_at,
        service_id,
        service_name,
        version,
        is_hotfix,
        is_successful,
        is_in_window,
        identified_at,
        live_seconds,
        live_target_seconds,
        live_seconds <= live_target_seconds as is_live_in_time,
        incidents_24h_count
    from judged
)

select * from final
