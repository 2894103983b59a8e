with usage as (
    select * from {{ ref('int_resource_usage_daily') }}
),

resources as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind = 'resource'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

final as (
    select
        usage.launch_id,
        usage.resource_id,
        resources.subject_name as resource_name,
        resources.unit,

        usage.metric_date,
        {{ days_between('launches.launch_date', 'usage.metric_date') }} as launch_day,

        usage.average_value,
        usage.maximum_value,
        usage.p95_value,
        resources.trigger_value,
        usage.samples_count
    from usage
    inner join resources
        on usage.launch_id = resources.launch_id
        and usage.resource_id = resources.subject_id
    inner join launches
        on usage.launch_id = launches.launch_id
)

select * from final
