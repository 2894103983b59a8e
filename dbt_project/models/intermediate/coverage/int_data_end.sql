with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

spans as (
    select
        launch_id,
        source,
        min(metric_date) as data_start_date,
        max(metric_date) as data_end_date
    from covered_dates
    group by launch_id, source
),

final as (
    select
        spans.launch_id,
        spans.source,
        spans.data_start_date,
        spans.data_end_date,
        {{ day_start(add_days('spans.data_end_date', 1), 'launches.timezone') }} as data_end_at
    from spans
    inner join launches on spans.launch_id = launches.launch_id
)

select
    launch_id,
    source,
    data_start_date,
    data_end_date,
    data_end_at
from final
