with periods as (
    select * from {{ ref('int_kpi_targets') }}
),

quotas as (
    select * from {{ ref('int_kpi_quotas') }}
),

-- A target on a count is a quota of its phase: a period can break it (or reach it), and only the phase's last day decides the rest.
judged as (
    select
        periods.*,
        quotas.phase_value,
        case when periods.is_quota then quotas.phase_value else periods.value end as judged_value,
        periods.is_complete
        and (not periods.is_quota or (periods.launch_day >= periods.to_day and quotas.is_seen_throughout)) as is_over
    from periods
    left join quotas
        on periods.is_quota
        and periods.target is not null
        and {{ is_same_kpi('periods', 'quotas') }}
        and coalesce(periods.from_day, 0) = quotas.from_day
        and periods.last_date = quotas.metric_date
),

decided as (
    select
        *,
        case
            when is_over then true
            when not is_quota or phase_value is null then false
            when comparator in ('>=', '>') then {{ is_kept('phase_value', 'comparator', 'target') }}
            else not {{ is_kept('phase_value', 'comparator', 'target') }} and value > 0
        end as is_decided
    from judged
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
    launch_day,
    value,
    numerator,
    denominator,
    previous_value,
    target,
    comparator,
    phase_value,
    case
        when value is null then 'no_data'
        when target is not null and not is_decided then 'undecided'
        when is_under_sample then 'insufficient_data'
        when target is null then 'no_target'
        when {{ is_kept('judged_value', 'comparator', 'target') }} then 'met'
        else 'missed'
    end as status,
    days_seen_count,
    days_expected_count,
    is_complete
from decided
