{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'resource_id', 'metric_date']}],
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 41) }}",
    )
}}

with usage as (
    select * from {{ ref('int_resource_usage_daily') }}
),

final as (
    select
        as_of.launch_id,
        as_of.resource_id,

        as_of.metric_date,
        {{ days_between('as_of.metric_date', 'observed.metric_date') }} as day_offset,

        observed.p95_value
    from usage as as_of
    inner join usage as observed
        on as_of.launch_id = observed.launch_id
        and as_of.resource_id = observed.resource_id
        and observed.metric_date between {{ add_days('as_of.metric_date', -41) }} and as_of.metric_date
    where {{ is_after_dirty_date('prometheus', 'as_of.launch_id', 'as_of.metric_date', 41) }}
)

select * from final
