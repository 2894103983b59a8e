{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_dirty_phases('metric_date') }}"
    )
}}

with attempts as (
    select * from {{ ref('int_funnel_attempts') }}
    where funnel_id = 'activation' and {{ has_dirty_phases('launch_id') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

last_steps as (
    select
        launch_id,
        max(step_number) as step_number
    from {{ ref('stg_config__funnel_steps') }}
    where funnel_id = 'activation'
    group by launch_id
),

-- A phase begins with the launch where its target does not say otherwise.
phases as (
    select launch_id, 0 as from_day from launches
    union
    select launch_id, coalesce(from_day, 0) as from_day from {{ ref('stg_config__kpi_targets') }}
    where kpi_id = 'activation'
),

-- Dated as the KPI is: by the day on which the window closes.
dated as (
    select
        attempts.launch_id,
        attempts.user_key,
        attempts.entered_at,
        attempts.entry_order,
        {{ local_date('attempts.closes_at', 'launches.timezone') }} as closing_date,
        {{ days_between('launches.launch_date', local_date('attempts.closes_at', 'launches.timezone')) }} as launch_day,
        attempts.reached_step_number = last_steps.step_number as is_activated
    from attempts
    inner join launches on attempts.launch_id = launches.launch_id
    inner join last_steps on attempts.launch_id = last_steps.launch_id
),

-- A user counts once in a phase, from the day on which the first of the windows closes that close in it.
ranked as (
    select
        dated.*,
        phases.from_day,
        row_number() over (partition by dated.launch_id, phases.from_day, dated.user_key order by dated.entered_at, dated.entry_order)
            as phase_rank
    from dated
    inner join covered_dates on dated.launch_id = covered_dates.launch_id and dated.closing_date = covered_dates.metric_date
    inner join phases on dated.launch_id = phases.launch_id and dated.launch_day >= phases.from_day
    where dated.launch_day between 0 and {{ last_verdict_day() }}
),

days as (
    select
        launch_id,
        from_day,
        closing_date,
        launch_day,
        count(case when is_activated then 1 end) as activated_count,
        count(*) as entered_count
    from ranked
    where phase_rank = 1
    group by launch_id, from_day, closing_date, launch_day
)

select
    launch_id,
    from_day,
    closing_date as metric_date,
    launch_day,
    cast(sum(activated_count) over to_date as bigint) as activated_count,
    cast(sum(entered_count) over to_date as bigint) as entered_count
from days
window to_date as (partition by launch_id, from_day order by closing_date rows unbounded preceding)
