with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- Launches that have a funnel called activation, and the step that counts as activated: its last.
last_steps as (
    select
        launch_id,
        max(step_number) as step_number
    from {{ ref('stg_config__funnel_steps') }}
    where funnel_id = 'activation'
    group by launch_id
),

progress as (
    select * from {{ ref('int_funnel_progress') }}
    where funnel_id = 'activation'
),

-- Dated by the day on which an entry's window closes: decided then, and never changed by the passing of time.
decided as (
    select
        progress.launch_id,
        {{ local_date('progress.closes_at', 'launches.timezone') }} as metric_date,
        count(*) filter (where progress.step_number = last_steps.step_number) as activated_count,
        count(*) filter (where progress.step_number = 1) as entered_count
    from progress
    inner join launches on progress.launch_id = launches.launch_id
    inner join last_steps on progress.launch_id = last_steps.launch_id
    group by 1, 2
)

select
    covered_dates.launch_id,
    covered_dates.metric_date,
    decided.activated_count,
    decided.entered_count
from covered_dates
inner join last_steps on covered_dates.launch_id = last_steps.launch_id
left join decided
    on covered_dates.launch_id = decided.launch_id
    and covered_dates.metric_date = decided.metric_date
