with days as (
    select * from {{ ref('int_kpi_days') }}
),

bounds as (
    select * from {{ ref('int_kpi_bounds') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
    where period_rule = 'sum'
),

-- a phase begins with the launch where its target does not say otherwise
phases as (
    select distinct
        bounds.launch_id,
        bounds.kpi_id,
        bounds.subject_id,
        bounds.segment_id,
        coalesce(bounds.from_day, 0) as from_day,
        bounds.phase_start
    from bounds
    inner join kpis on bounds.launch_id = kpis.launch_id and bounds.kpi_id = kpis.kpi_id
    where coalesce(bounds.per, 'phase') = 'phase'
),

final as (
    select
        days.launch_id,
        days.kpi_id,
        days.subject_id,
        days.segment_id,
        phases.from_day,
        phases.phase_start,
        days.metric_date,
        sum(days.value) over to_date as phase_value,
        count(*) filter (where days.is_seen) over to_date
        > {{ days_between('phases.phase_start', 'days.metric_date') }} as is_seen_throughout
    from days
    inner join phases
        on {{ is_same_kpi('days', 'phases') }}
        and days.metric_date >= phases.phase_start
    window to_date as (
        partition by days.launch_id, days.kpi_id, days.subject_id, days.segment_id, phases.from_day
        order by days.metric_date rows unbounded preceding
    )
)

select
    launch_id,
    kpi_id,
    subject_id,
    segment_id,
    from_day,
    phase_start,
    metric_date,
    phase_value,
    is_seen_throughout
from final
