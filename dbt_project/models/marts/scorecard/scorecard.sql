{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_kpi_periods() }}"],
        indexes=[{'columns': ['launch_id', 'period_kind', 'period_end']}]
    )
}}

with periods as (
    select targets.* from {{ ref('int_kpi_targets') }} as targets
    where {{ is_changed_kpi_period('targets') }}
),

quotas as (
    select * from {{ ref('int_kpi_quotas') }}
),

phases as (
    select
        phases.launch_id,
        {{ add_days('launches.launch_date', 'phases.from_day') }} as period_start,
        coalesce({{ add_days('launches.launch_date', 'phases.to_day') }}, {{ for_ever() }}) as period_end,
        min(phases.phase_id) as phase_id
    from {{ ref('stg_config__phases') }} as phases
    inner join {{ ref('stg_config__launches') }} as launches on phases.launch_id = launches.launch_id
    group by 1, 2, 3
),

-- A target on a count can be broken (or reached) before its days are over: a quota of its phase, which days, weeks and months use up, or
-- the bound of the period itself. Only the last of its days decides the rest.
judged as (
    select
        periods.*,
        quotas.phase_value,
        case when periods.is_quota then quotas.phase_value else periods.value end as judged_value,
        periods.is_complete
        and (not periods.is_quota or (periods.launch_day >= periods.to_day and quotas.is_seen_throughout)) as is_over,
        -- of the days that the count is for, those that have passed
        case
            when periods.is_quota
                then cast({{ days_between('quotas.phase_start', 'quotas.metric_date') }} + 1 as double precision)
                    / (periods.to_day - coalesce(periods.from_day, 0) + 1)
            else
                cast({{ days_between('periods.period_start', 'periods.last_date') }} + 1 as double precision)
                / ({{ days_between('periods.period_start', 'periods.period_end') }} + 1)
        end as passed_ratio
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
            when not is_count or judged_value is null then false
            when comparator in ('>=', '>') then {{ is_kept('judged_value', 'comparator', 'target') }}
            else not {{ is_kept('judged_value', 'comparator', 'target') }} and value > 0
        end as is_decided
    from judged
)

select
    decided.launch_id,
    decided.domain,
    decided.kpi_id,
    decided.subject_id,
    decided.segment_id,
    decided.period_kind,
    decided.period_start,
    decided.period_end,
    phases.phase_id,
    decided.launch_day,
    decided.value,
    decided.numerator,
    decided.denominator,
    decided.previous_value,
    decided.target,
    decided.comparator,
    decided.promise,
    decided.is_quota and decided.target is not null as is_quota,
    decided.phase_value,
    case
        when decided.value is null then 'no_data'
        when decided.is_promised and decided.target is null then 'undecided'
        when
            decided.target is not null and not decided.is_decided and decided.is_count
            and decided.comparator in ('<=', '<') and {{ is_kept('decided.judged_value', 'decided.comparator', 'decided.target') }}
            and decided.judged_value > decided.target * decided.passed_ratio
            then 'at_risk'
        when decided.target is not null and not decided.is_decided then 'undecided'
        when decided.is_under_sample then 'insufficient_data'
        when decided.target is null then 'no_target'
        when {{ is_kept('decided.judged_value', 'decided.comparator', 'decided.target') }} then 'met'
        else 'missed'
    end as status,
    decided.days_seen_count,
    decided.days_expected_count,
    decided.is_complete
from decided
left join phases
    on decided.period_kind = 'phase'
    and decided.launch_id = phases.launch_id
    and decided.period_start = phases.period_start
    and decided.period_end = phases.period_end
