with loads as (
    select * from {{ ref('stg_ops__partition_loads') }}
    where source = 'pagerduty' and partition_date is null and is_pulled
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

windows as (
    select distinct
        loads.launch_id,
        loads.stream,
        {{ first_whole_date('loads.window_start_at', 'launches.timezone') }} as first_date,
        {{ add_days(local_date('loads.window_end_at', 'launches.timezone'), -1) }} as last_date
    from loads
    inner join launches on loads.launch_id = launches.launch_id
),

final as (
    select distinct
        windows.launch_id,
        windows.stream,
        each_metric_date.metric_date
    from windows
    {{ each_date('windows.first_date', 'windows.last_date', 'metric_date') }}
)

select * from final
