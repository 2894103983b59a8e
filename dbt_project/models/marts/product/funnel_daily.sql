with counts as (
    select * from {{ ref('int_funnel_counts') }}
    where period_kind = 'day' and counting = 'uniques'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
)

select
    counts.launch_id,
    counts.funnel_id,
    counts.funnel_name,
    counts.period_start as entry_date,
    {{ days_between('launches.launch_date', 'counts.period_start') }} as launch_day,
    counts.step_number,
    counts.step_name,
    counts.entered_count,
    counts.reached_count,
    counts.pending_count,
    {{ ratio('counts.reached_count', 'counts.entered_count') }} as reached_ratio
from counts
inner join launches on counts.launch_id = launches.launch_id
