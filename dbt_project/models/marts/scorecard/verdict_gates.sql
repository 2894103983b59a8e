with bounds as (
    select * from {{ ref('int_kpi_bounds') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

data_end as (
    select launch_id, max(data_end_date) as data_end_date from {{ ref('int_data_end') }}
    group by launch_id
),

phases as (
    select * from {{ ref('int_kpi_changes') }}
    where period_kind = 'phase'
),

-- periods that a target for each of them judged, and not a quota or a target for all kinds
scorecard as (
    select scorecard.* from {{ ref('scorecard') }} as scorecard
    inner join {{ ref('int_kpi_targets') }} as targets
        on {{ is_same_kpi('scorecard', 'targets') }}
        and scorecard.period_kind = targets.period_kind
        and scorecard.period_start = targets.period_start
        and scorecard.period_end = targets.period_end
        and targets.per = targets.period_kind
        and targets.is_promised
),

verdicts as (
    select * from {{ ref('stg_config__verdicts') }}
),

dated as (
    select
        bounds.*,
        kpis.domain,
        kpis.period_rule,
        kpis.needs_sample,
        launches.minimum_sample_count,
        launches.timezone,
        coalesce(bounds.per, 'phase') as period_kind,
        verdicts.verdict_day,
        {{ add_days('launches.launch_date', 'verdicts.verdict_day - 1') }} as verdict_date
    from bounds
    inner join kpis on bounds.launch_id = kpis.launch_id and bounds.kpi_id = kpis.kpi_id
    inner join launches on bounds.launch_id = launches.launch_id
    inner join verdicts on bounds.launch_id = verdicts.launch_id
),

-- What was promised for the last day that a verdict judges, by the launch file in force when that day ended. A promise for each week asks
-- nothing before a week of its days is over; a change, before there is something to compare with.
asked as (
    select * from dated
    where
        verdict_date between phase_start and phase_end
        and {{ day_start(add_days('verdict_date', 1), 'timezone') }} >= valid_from
        and (valid_to is null or {{ day_start(add_days('verdict_date', 1), 'timezone') }} < valid_to)
        and (baseline_end is null or verdict_date > baseline_end)
        and case period_kind
            {% for kind in calendar_periods() -%}
            when '{{ kind }}' then {{ period_end(kind, 'phase_start') }}
            {% endfor -%}
            else phase_start
        end <= verdict_date
),

-- said for all kinds of periods and for the phase as well: the latter is meant
promised as (
    {{ first_rows(
        'asked',
        'launch_id, kpi_id, subject_id, segment_id, verdict_day, period_kind, phase_start, phase_end',
        'per nulls last, valid_from desc, comparator'
    ) }}
),

-- A promise for each week is as good as its worst week. Where no incident came there was none to handle.
periods as (
    select
        promised.launch_id,
        promised.kpi_id,
        promised.subject_id,
        promised.segment_id,
        promised.verdict_day,
        promised.period_kind,
        promised.phase_start,
        promised.phase_end,
        count(*) filter (
            where
            promised.domain <> 'incidents'
            or not scorecard.is_complete
            or scorecard.value is not null
            or coalesce(scorecard.denominator, 1) <> 0
        ) as periods_count,
        count(*) filter (where scorecard.status in ('met', 'missed')) as judged_count,
        count(*) filter (where scorecard.status = 'missed') as missed_count,
        count(*) filter (where scorecard.status = 'insufficient_data') as small_count,
        min(scorecard.value) filter (where scorecard.status in ('met', 'missed')) as lowest_value,
        max(scorecard.value) filter (where scorecard.status in ('met', 'missed')) as highest_value
    from promised
    inner join scorecard
        on {{ is_same_kpi('promised', 'scorecard') }}
        and promised.period_kind = scorecard.period_kind
        and scorecard.period_end between promised.phase_start and promised.verdict_date
    where promised.period_kind <> 'phase'
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

measured as (
    select
        promised.*,
        promised.period_kind = 'phase' as is_of_phase,
        phases.numerator,
        phases.denominator,
        case
            when promised.period_kind <> 'phase' and promised.comparator in ('>=', '>') then periods.lowest_value
            when promised.period_kind <> 'phase' then periods.highest_value
            -- a level is that of the last day, however much is known of the days before
            when promised.period_rule = 'last' and phases.last_date < promised.verdict_date then null
            else phases.value
        end as value,
        periods.periods_count,
        periods.judged_count,
        periods.missed_count,
        periods.small_count,
        case
            when promised.period_kind = 'phase' and promised.period_rule = 'last' then 0
            else {{ days_between('promised.phase_start', 'promised.verdict_date') }} + 1 - coalesce(phases.days_seen_count, 0)
        end as days_unseen_count,
        coalesce(data_end.data_end_date < promised.verdict_date, false) as is_ahead
    from promised
    left join data_end on promised.launch_id = data_end.launch_id
    left join phases
        on {{ is_same_kpi('promised', 'phases') }}
        and promised.phase_start = phases.period_start
        and promised.verdict_date = phases.period_end
    left join periods
        on {{ is_same_kpi('promised', 'periods') }}
        and promised.verdict_day = periods.verdict_day
        and promised.period_kind = periods.period_kind
        and promised.phase_start = periods.phase_start
        and promised.phase_end = periods.phase_end
),

-- A count whose days run on beyond the verdict: at most so many is kept so far, at least so many is not yet due.
judged as (
    select
        *,
        is_of_phase and period_rule = 'sum' and verdict_date < phase_end and phase_end < {{ for_ever() }} as is_running,
        cast({{ days_between('phase_start', 'verdict_date') }} + 1 as double precision)
        / ({{ days_between('phase_start', 'phase_end') }} + 1) as passed_ratio,
        {{ is_kept('value', 'comparator', 'bound') }} as is_kept,
        case
            when is_of_phase then period_rule = 'sum' and {{ is_kept('value', 'comparator', 'bound') }} = (comparator in ('>=', '>'))
            else missed_count > 0
        end as is_settled,
        domain = 'incidents' and value is null and days_unseen_count <= 0
        and case when is_of_phase then denominator = 0 else periods_count = 0 end as is_quiet
    from measured
)

select
    launch_id,
    domain,
    kpi_id,
    subject_id,
    segment_id,
    verdict_day,
    verdict_date,
    period_kind,
    phase_start,
    phase_end,
    value,
    case when is_of_phase then numerator end as numerator,
    case when is_of_phase then denominator end as denominator,
    bound as target,
    comparator,
    promise,
    case
        when is_quiet then 'nothing'
        when is_settled then case when is_kept then 'met' else 'missed' end
        when value is null and is_ahead then 'undecided'
        when value is null and small_count > 0 and small_count = periods_count then 'insufficient_data'
        when value is null then 'no_data'
        when bound is null or days_unseen_count > 0 or (is_running and comparator in ('>=', '>')) then 'undecided'
        when is_running and value > bound * passed_ratio then 'at_risk'
        when is_of_phase and needs_sample and coalesce(denominator, 0) < minimum_sample_count then 'insufficient_data'
        when judged_count < periods_count then 'undecided'
        when is_kept then 'met'
        else 'missed'
    end as status,
    cast(periods_count as integer) as periods_count,
    cast(judged_count - missed_count as integer) as periods_met_count,
    cast(days_unseen_count as integer) as days_unseen_count
from judged
