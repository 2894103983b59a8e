{{ config(materialized='view') }}

with windows as (
    select * from {{ ref('int_capacity_windows') }}
),

segments as (
    select * from {{ ref('int_capacity_segments') }}
    where observed_days_count >= 7
),

final as (
    select
        windows.launch_id,
        windows.resource_id,

        windows.metric_date,
        windows.day_offset,
        segments.from_offset,

        windows.p95_value,
        segments.observed_days_count
    from windows
    inner join segments
        on windows.launch_id = segments.launch_id
        and windows.resource_id = segments.resource_id
        and windows.metric_date = segments.metric_date
        and windows.day_offset >= segments.from_offset
)

select * from final
