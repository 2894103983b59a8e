with loads as (
    select * from {{ ref('stg_ops__partition_loads') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

sources as (
    select * from {{ ref('stg_config__sources') }}
),

-- A partition is one date; a window of entities covers every local date that lies wholly in it, but not beside partitions: profiles tell
-- nothing of a date whose events are not there.
windows as (
    select distinct
        loads.launch_id,
        loads.source,
        coalesce(loads.partition_date, {{ first_whole_date('loads.window_start_at', 'launches.timezone') }}) as first_date,
        coalesce(loads.partition_date, {{ add_days(local_date('loads.window_end_at', 'launches.timezone'), -1) }}) as last_date
    from loads
    inner join launches on loads.launch_id = launches.launch_id
    inner join sources on loads.source = sources.source
    where loads.partition_date is not null or not sources.is_dated
),

final as (
    select distinct
        windows.launch_id,
        windows.source,
        each_metric_date.metric_date
    from windows
    {{ each_date('windows.first_date', 'windows.last_date', 'metric_date') }}
)

select
    launch_id,
    source,
    metric_date
from final
