{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_kpi_periods() }}"],
        indexes=[{'columns': ['launch_id', 'period_kind', 'period_end']}]
    )
}}

with periods as (
    select changes.* from {{ ref('int_kpi_changes') }} as changes
    where {{ is_changed_kpi_period('changes') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

targets as (
    select * from {{ ref('int_kpi_bounds') }}
),

dated as (
    select
        periods.*,
        launches.launch_date,
        {{ days_between('launches.launch_date', 'periods.period_end') }} as launch_day,
        {{ day_start(add_days('periods.period_end', 1), 'launches.timezone') }} as period_end_at,
        kpis.period_rule = 'sum' as is_count,
        kpis.needs_sample and coalesce(periods.denominator, 0) < launches.minimum_sample_count as is_under_sample
    from periods
    inner join launches on periods.launch_id = launches.launch_id
    inner join kpis on periods.launch_id = kpis.launch_id and periods.kpi_id = kpis.kpi_id
),

-- The past is judged by the targets of the past: the version of the launch file in force when the period ended. A phase is judged by the
-- targets of its own span; any other period by those of its kind that hold on its last day. What is said of no kind is of days, weeks and
-- months, and on a count it is a quota of its phase, which these periods show as far as it is used. A change asks nothing of a period that
-- ended before there was anything to compare it with.
targeted as (
    select
        dated.*,
        targets.bound,
        targets.comparator,
        targets.valid_from,
        targets.from_day,
        targets.to_day,
        targets.per,
        targets.promise,
        coalesce(targets.per = dated.period_kind, false) as is_of_its_kind,
        dated.is_count and coalesce(targets.per, 'phase') = 'phase' as is_quota
    from dated
    left join targets
        on {{ is_same_kpi('dated', 'targets') }}
        and dated.period_end_at >= targets.valid_from
        and (targets.valid_to is null or dated.period_end_at < targets.valid_to)
        and (targets.baseline_end is null or dated.period_end > targets.baseline_end)
        and (
            (
                dated.period_kind = 'phase'
                and coalesce(targets.per, 'phase') = 'phase'
                and dated.period_start = targets.phase_start
                and dated.period_end = targets.phase_end
            )
            or (
                dated.period_kind <> 'phase'
                and (
                    dated.period_kind = targets.per
                    or (
                        dated.period_kind in ('day', 'week', 'month')
                        and (targets.per is null or (targets.per = 'phase' and dated.is_count))
                    )
                )
                and dated.launch_day between coalesce(targets.from_day, dated.launch_day) and coalesce(targets.to_day, dated.launch_day)
            )
        )
),

-- Where several hold, the one of the period's own kind is meant, then the one that ends first, then the one that begins last.
final as (
    {{ first_rows(
        'targeted',
        'launch_id, kpi_id, subject_id, segment_id, period_kind, period_start, period_end',
        'is_of_its_kind desc, to_day nulls last, valid_from desc, from_day desc nulls last, comparator'
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
    is_count,
    is_quota,
    comparator is not null as is_promised,
    from_day,
    to_day,
    per,
    promise,
    bound as target,
    case when bound is not null then comparator end as comparator
from final
