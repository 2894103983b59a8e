with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

funnel_steps as (
    select * from {{ ref('stg_config__funnel_steps') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
),

progress as (
    select * from {{ ref('int_funnel_progress') }}
),

reached as (
    select
        progress.launch_id,
        progress.funnel_id,
        progress.entry_date,
        progress.step_number,
        count(*) as reached_count,
        count(*) filter (where progress.closes_at > data_end.data_end_at) as reached_open_count
    from progress
    inner join data_end on progress.launch_id = data_end.launch_id
    group by progress.launch_id, progress.funnel_id, progress.entry_date, progress.step_number
),

days as (
    select
        covered_dates.launch_id,
        funnel_steps.funnel_id,
        funnel_steps.funnel_name,
        covered_dates.metric_date as entry_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        funnel_steps.step_number,
        funnel_steps.event_name as step_name,
        coalesce(reached.reached_count, 0) as reached_count,
        coalesce(reached.reached_open_count, 0) as reached_open_count
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join funnel_steps on covered_dates.launch_id = funnel_steps.launch_id
    left join reached
        on covered_dates.launch_id = reached.launch_id
        and covered_dates.metric_date = reached.entry_date
        and funnel_steps.funnel_id = reached.funnel_id
        and funnel_steps.step_number = reached.step_number
),

-- Who entered did step 1. An entry is pending for a step as long as its window is open and the step is not reached.
final as (
    select
        days.*,
        first_value(reached_count) over entry_steps as entered_count,
        first_value(reached_open_count) over entry_steps - reached_open_count as pending_count
    from days
    window entry_steps as (partition by launch_id, funnel_id, entry_date order by step_number)
)

select
    launch_id,
    funnel_id,
    funnel_name,
    entry_date,
    launch_day,
    step_number,
    step_name,
    entered_count,
    reached_count,
    pending_count,
    {{ ratio('reached_count', 'entered_count') }} as reached_ratio
from final
