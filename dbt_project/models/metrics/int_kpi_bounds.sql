with targets as (
    select * from {{ ref('stg_config__kpi_targets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

baselines as (
    select * from {{ ref('int_kpi_changes') }}
    where period_kind = 'phase'
),

dated as (
    select
        targets.*,
        {{ add_days('launches.launch_date', 'coalesce(targets.from_day, 0)') }} as phase_start,
        coalesce({{ add_days('launches.launch_date', 'targets.to_day') }}, {{ for_ever() }}) as phase_end,
        {{ add_days('launches.launch_date', 'targets.since_from_day') }} as baseline_start,
        {{ add_days('launches.launch_date', 'targets.since_to_day') }} as baseline_end
    from targets
    inner join launches on targets.launch_id = launches.launch_id
)

-- a change is relative to a phase that is over and was seen whole; until then there is no bound
select
    dated.launch_id,
    dated.kpi_id,
    dated.subject_id,
    dated.segment_id,
    dated.from_day,
    dated.to_day,
    dated.per,
    dated.comparator,
    dated.promise,
    dated.valid_from,
    dated.valid_to,
    dated.phase_start,
    dated.phase_end,
    dated.baseline_end,
    coalesce(
        dated.target,
        case when baselines.is_complete then baselines.value + abs(baselines.value) * dated.change end
    ) as bound
from dated
left join baselines
    on {{ is_same_kpi('dated', 'baselines') }}
    and dated.baseline_start = baselines.period_start
    and dated.baseline_end = baselines.period_end
