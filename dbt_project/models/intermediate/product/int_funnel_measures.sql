with measures as (
    select * from {{ ref('stg_config__funnel_measures') }}
),

counts as (
    select * from {{ ref('int_funnel_counts') }}
    where counting = 'uniques'
)

-- of the entries whose window is closed, those that came to one step and those that came (or did not come) to a later one
select
    measures.launch_id,
    measures.measure_id,
    came.period_kind,
    came.period_start,
    came.period_end,
    case when measures.is_lost then came.closed_count - reached.closed_count else reached.closed_count end as good_count,
    came.closed_count as of_count
from measures
inner join counts as came
    on measures.launch_id = came.launch_id
    and measures.funnel_id = came.funnel_id
    and measures.of_step = came.step_number
inner join counts as reached
    on measures.launch_id = reached.launch_id
    and measures.funnel_id = reached.funnel_id
    and measures.step = reached.step_number
    and came.period_kind = reached.period_kind
    and came.period_start = reached.period_start
    and came.period_end = reached.period_end
where reached.closed_count is not null
