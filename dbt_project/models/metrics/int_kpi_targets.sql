with periods as (
    select * from {{ ref('int_kpi_changes') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

targets as (
    select * from {{ ref('stg_config__kpi_targets') }}
),

dated as (
    select
        periods.*,
        {{ days_between('launches.launch_date', 'periods.period_end') }} as launch_day,
        {{ day_start(add_days('periods.period_end', 1), 'launches.timezone') }} as period_end_at,
        kpis.period_rule = 'sum' as is_quota,
        kpis.needs_sample and coalesce(periods.denominator, 0) < launches.minimum_sample_count as is_under_sample
    from periods
    inner join launches on periods.launch_id = launches.launch_id
    inner join kpis on periods.launch_id = kpis.launch_id and periods.kpi_id = kpis.kpi_id
),

-- The past is judged by the targets of the past: the version of the launch file in force when the period ended.
targeted as (
    select
        dated.*,
        targets.target,
        targets.comparator,
        targets.valid_from,
        targets.from_day,
        targets.to_day
    from dated
    left join targets
        on {{ is_same_kpi('dated', 'targets') }}
        and dated.period_end_at >= targets.valid_from
        and (targets.valid_to is null or dated.period_end_at < targets.valid_to)
        and dated.launch_day between coalesce(targets.from_day, dated.launch_day) and coalesce(targets.to_day, dated.launch_day)
),

-- Where ranges of days overlap, the one that begins last is meant.
in_force as (
    {{ first_rows(
        'targeted',
        'launch_id, kpi_id, subject_id, segment_id, period_kind, period_start',
        'valid_from desc, from_day desc nulls last, comparator'
    ) }}
)

select
    launch_id,
    domain,
    kpi_id,
    subject_id,
    segment_id,
    period_kind,
    period_start,
    period_end,
    last_date,
    launch_day,
    value,
    numerator,
    denominator,
    previous_value,
    days_seen_count,
    days_expected_count,
    is_complete,
    is_under_sample,
    is_quota,
    from_day,
    to_day,
    target,
    comparator
from in_force
