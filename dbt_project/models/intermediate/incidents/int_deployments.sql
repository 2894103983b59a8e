with deployments as (
    select * from {{ ref('stg_pagerduty__deployments') }}
),

services as (
    select * from {{ ref('stg_pagerduty__services') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

windows as (
    select * from {{ ref('stg_config__deployment_windows') }}
),

dated as (
    select
        deployments.launch_id,
        deployments.deployment_id,
        deployments.service_id,
        coalesce(services.service_name, deployments.service_name) as service_name,
        deployments.version,
        deployments.deployed_at,
        deployments.identified_at,
        {{ local_date('deployments.deployed_at', 'launches.timezone') }} as metric_date,
        {{ days_between('launches.launch_date', local_date('deployments.deployed_at', 'launches.timezone')) }} as launch_day,
        {{ clock_seconds('deployments.deployed_at', 'launches.timezone') }} as clock_seconds,
        deployments.is_hotfix,
        deployments.is_successful
    from deployments
    inner join launches on deployments.launch_id = launches.launch_id
    left join services
        on deployments.launch_id = services.launch_id
        and deployments.service_id = services.service_id
),

-- a day without a window in the launch file has none that a deployment could miss
windowed as (
    select
        dated.launch_id,
        dated.deployment_id,
        max(case when dated.clock_seconds >= windows.opens_second and dated.clock_seconds < windows.closes_second then 1 else 0 end) = 1
            as is_in_window
    from dated
    inner join windows
        on dated.launch_id = windows.launch_id
        and dated.launch_day >= coalesce(windows.from_day, dated.launch_day)
        and dated.launch_day <= coalesce(windows.to_day, dated.launch_day)
    group by dated.launch_id, dated.deployment_id
),

final as (
    select
        dated.*,
        windowed.is_in_window
    from dated
    left join windowed
        on dated.launch_id = windowed.launch_id
        and dated.deployment_id = windowed.deployment_id
)

select * from final
