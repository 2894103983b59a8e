with trends as (
    select * from {{ ref('int_capacity_trends') }}
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
        trends.launch_id,
        trends.resource_id,
        resources.subject_name as resource_name,
        resources.unit,

        trends.metric_date,
        {{ days_between('launches.launch_date', 'trends.metric_date') }} as launch_day,

        trends.observed_days_count,
        trends.level_value,
        trends.slope_per_day,
        trends.slope_low_per_day,
        trends.slope_high_per_day,
        resources.trigger_value,
        {{ days_until('resources.trigger_value', 'trends.level_value', 'trends.slope_per_day') }} as days_to_trigger,
        {{ days_until('resources.trigger_value', 'trends.level_value', 'trends.slope_high_per_day') }} as days_to_trigger_low,
        {{ days_until('resources.trigger_value', 'trends.level_value', 'trends.slope_low_per_day') }} as days_to_trigger_high,

        trends.slope_low_per_day > 0 as is_growing
    from trends
    inner join resources
        on trends.launch_id = resources.launch_id
        and trends.resource_id = resources.subject_id
    inner join launches
        on trends.launch_id = launches.launch_id
)

select * from final
