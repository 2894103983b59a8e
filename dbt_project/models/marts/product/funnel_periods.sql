with counts as (
    select * from {{ ref('int_funnel_counts') }}
    where period_kind <> 'phase'
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
)

select
    counts.launch_id,
    counts.funnel_id,
    counts.funnel_name,
    counts.counting,
    counts.period_kind,
    counts.period_start,
    counts.period_end,
    counts.step_number,
    counts.step_name,
    counts.entered_count,
    counts.reached_count,
    counts.pending_count,
    {{ ratio('counts.reached_count', 'counts.entered_count') }} as reached_ratio,
    counts.period_end <= data_end.data_end_date as is_complete
from counts
inner join data_end on counts.launch_id = data_end.launch_id
