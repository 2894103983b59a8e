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

loaded as (
    select distinct
        windows.launch_id,
        windows.source,
        each_metric_date.metric_date
    from windows
    {{ each_date('windows.first_date', 'windows.last_date', 'metric_date') }}
),

ends as (
    select
        launch_id,
        max(metric_date) as last_date
    from loaded
    group by launch_id
),

-- facts speak for dates themselves, but not beyond the last that any source has told of
final as (
    select
        launch_id,
        source,
        metric_date
    from loaded
    union all
    select
        facts.launch_id,
        facts.source,
        facts.metric_date
    from {{ ref('stg_config__facts') }} as facts
    inner join ends on facts.launch_id = ends.launch_id and facts.metric_date <= ends.last_date
)

select
    launch_id,
    source,
    metric_date
from final
