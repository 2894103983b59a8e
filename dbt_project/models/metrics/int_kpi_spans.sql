with phases as (
    select * from {{ ref('stg_config__phases') }}
),

targets as (
    select * from {{ ref('stg_config__kpi_targets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

verdicts as (
    select * from {{ ref('stg_config__verdicts') }}
),

plans as (
    select * from {{ ref('stg_config__plans') }}
),

ratios as (
    select * from {{ ref('stg_config__kpi_ratios') }}
),

-- The launch to date and its named phases are of every KPI. Of one with targets also the spans of these, what they are compared with, and
-- what a verdict judges: from the first day of a target that holds on its day. Of one with a plan, its months.
days as (
    select launch_id, '' as kpi_id, 0 as from_day, null as to_day from launches
    union
    select launch_id, '' as kpi_id, from_day, to_day from phases
    union
    select launch_id, kpi_id, coalesce(from_day, 0) as from_day, to_day from targets
    union
    select launch_id, kpi_id, since_from_day as from_day, since_to_day as to_day from targets
    where since_from_day is not null
    union
    select targets.launch_id, targets.kpi_id, coalesce(targets.from_day, 0) as from_day, verdicts.verdict_day - 1 as to_day
    from targets
    inner join verdicts
        on targets.launch_id = verdicts.launch_id
        and verdicts.verdict_day > coalesce(targets.from_day, 0)
        and verdicts.verdict_day <= coalesce(targets.to_day + 1, verdicts.verdict_day)
    union
    select launch_id, kpi_id, from_day, to_day from plans
),

-- and what one KPI by another needs, each of its parts does
of_parts as (
    select launch_id, kpi_id, from_day, to_day from days
    union
    select ratios.launch_id, ratios.numerator_kpi_id, days.from_day, days.to_day
    from ratios
    inner join days on ratios.launch_id = days.launch_id and ratios.kpi_id = days.kpi_id
    union
    select ratios.launch_id, ratios.denominator_kpi_id, days.from_day, days.to_day
    from ratios
    inner join days on ratios.launch_id = days.launch_id and ratios.kpi_id = days.kpi_id
)

select
    days.launch_id,
    days.kpi_id,
    {{ add_days('launches.launch_date', 'days.from_day') }} as period_start,
    coalesce({{ add_days('launches.launch_date', 'days.to_day') }}, {{ for_ever() }}) as period_end
from of_parts as days
inner join launches on days.launch_id = launches.launch_id
