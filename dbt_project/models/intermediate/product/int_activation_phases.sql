{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_dirty_phases('metric_date') }}"
    )
}}

with attempts as (
    select * from {{ ref('int_activation_attempts') }}
    where launch_day between 0 and {{ last_verdict_day() }} and {{ has_dirty_phases('launch_id') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

-- A phase begins with the launch where its target does not say otherwise.
phases as (
    select launch_id, 0 as from_day from {{ ref('stg_config__launches') }}
    union
    select targets.launch_id, coalesce(targets.from_day, 0) as from_day
    from {{ ref('stg_config__kpi_targets') }} as targets
    inner join {{ ref('stg_config__kpis') }} as kpis on targets.launch_id = kpis.launch_id and targets.kpi_id = kpis.kpi_id
    where kpis.period_rule = 'uniques'
),

-- A user counts once in a phase, from the day on which the first of the windows closes that close in it.
ranked as (
    select
        attempts.*,
        phases.from_day,
        row_number() over (
            partition by attempts.launch_id, phases.from_day, attempts.user_key order by attempts.entered_at, attempts.entry_order
        ) as phase_rank
    from attempts
    inner join covered_dates on attempts.launch_id = covered_dates.launch_id and attempts.closing_date = covered_dates.metric_date
    inner join phases on attempts.launch_id = phases.launch_id and attempts.launch_day >= phases.from_day
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
