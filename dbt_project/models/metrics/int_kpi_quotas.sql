with kpi_daily as (
    select * from {{ ref('kpi_daily') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
    where period_rule = 'sum'
),

targets as (
    select * from {{ ref('stg_config__kpi_targets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- a phase begins with the launch where its target does not say otherwise
phases as (
    select distinct
        targets.launch_id,
        targets.kpi_id,
        targets.subject_id,
        targets.segment_id,
        coalesce(targets.from_day, 0) as from_day,
        {{ add_days('launches.launch_date', 'coalesce(targets.from_day, 0)') }} as phase_start
    from targets
    inner join kpis on targets.launch_id = kpis.launch_id and targets.kpi_id = kpis.kpi_id
    inner join launches on targets.launch_id = launches.launch_id
    where coalesce(targets.per, 'phase') = 'phase'
),

final as (
    select
        kpi_daily.launch_id,
        kpi_daily.kpi_id,
        kpi_daily.subject_id,
        kpi_daily.segment_id,
        phases.from_day,
        phases.phase_start,
        kpi_daily.metric_date,
        sum(kpi_daily.value) over to_date as phase_value,
        count(kpi_daily.value) over to_date > {{ days_between('phases.phase_start', 'kpi_daily.metric_date') }} as is_seen_throughout
    from kpi_daily
    inner join phases
        on {{ is_same_kpi('kpi_daily', 'phases') }}
        and kpi_daily.metric_date >= phases.phase_start
    window to_date as (
        partition by kpi_daily.launch_id, kpi_daily.kpi_id, kpi_daily.subject_id, kpi_daily.segment_id, phases.from_day
        order by kpi_daily.metric_date rows unbounded preceding
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
