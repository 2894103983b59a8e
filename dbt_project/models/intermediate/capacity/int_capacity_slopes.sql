{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'resource_id', 'metric_date']}],
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 41) }}",
    )
}}

with points as (
    select * from {{ ref('int_capacity_points') }}
),

final as (
    select
        earlier.launch_id,
        earlier.resource_id,

        earlier.metric_date,

        percentile_cont(0.5) within group (order by {{ slope_between('earlier', 'later') }}) as slope_per_day,
        percentile_cont(0.5) within group (
            order by case when earlier.day_offset * 2 >= earlier.from_offset then {{ slope_between('earlier', 'later') }} end
        ) as recent_slope_per_day
    from points as earlier
    inner join points as later
        on earlier.launch_id = later.launch_id
        and earlier.resource_id = later.resource_id
        and earlier.metric_date = later.metric_date
        and earlier.day_offset < later.day_offset
    where {{ is_after_dirty_date('prometheus', 'earlier.launch_id', 'earlier.metric_date', 41) }}
    group by earlier.launch_id, earlier.resource_id, earlier.metric_date
)

select * from final
