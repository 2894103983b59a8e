{%- set windows = [1, 3, 7, 28] -%} {# days #}

with kpis as (
    select * from {{ ref('stg_config__kpis') }}
    where domain = 'reliability' and is_stability and period_rule = 'ratio'
),

days as (
    select * from {{ ref('scorecard') }}
    where period_kind = 'day' and segment_id = ''
),

-- a service without a promise of its own is promised what the whole is
promised as (
    select
        days.launch_id,
        days.kpi_id,
        days.subject_id,
        days.period_start as metric_date,
        days.launch_day,
        coalesce(days.target, whole.target) as target,
        kpis.denominator_unit,
        case when kpis.better = 'higher' then days.denominator - days.numerator else days.numerator end as bad,
        days.denominator
        * case when kpis.better = 'higher' then 1 - coalesce(days.target, whole.target) else coalesce(days.target, whole.target) end
            as allowed
    from days
    inner join kpis on days.launch_id = kpis.launch_id and days.kpi_id = kpis.kpi_id
    left join days as whole
        on days.launch_id = whole.launch_id
        and days.kpi_id = whole.kpi_id
        and days.period_start = whole.period_start
        and whole.subject_id = ''
    where coalesce(days.target, whole.target) is not null
),

summed as (
    select
        promised.launch_id,
        promised.kpi_id,
        promised.subject_id,
        promised.metric_date,
        promised.launch_day,
        promised.target,
        promised.denominator_unit,
        {% for days in windows -%}
        {{ ratio(
            'sum(case when earlier.metric_date > ' ~ add_days('promised.metric_date', -days) ~ ' then earlier.bad end)',
            'sum(case when earlier.metric_date > ' ~ add_days('promised.metric_date', -days) ~ ' then earlier.allowed end)'
        ) }} as burn_{{ days }}d_ratio,
        {% endfor -%}
        sum(case when earlier.metric_date >= {{ period_start('month', 'promised.metric_date') }} then earlier.bad end) as month_bad,
        sum(case when earlier.metric_date >= {{ period_start('month', 'promised.metric_date') }} then earlier.allowed end)
            as month_allowed,
        count(
            case when earlier.metric_date >= {{ period_start('month', 'promised.metric_date') }} and earlier.allowed is not null then 1 end
        ) as month_days_seen_count
    from promised
    inner join promised as earlier
        on promised.launch_id = earlier.launch_id
        and promised.kpi_id = earlier.kpi_id
        and promised.subject_id = earlier.subject_id
        and earlier.metric_date between {{ add_days('promised.metric_date', -30) }} and promised.metric_date
    group by
        promised.launch_id, promised.kpi_id, promised.subject_id, promised.metric_date, promised.launch_day, promised.target,
        promised.denominator_unit
),

-- the whole month's budget, if the rest of it is as long or as busy as what was seen of it
final as (
    select
        launch_id,
        kpi_id,
        subject_id,

        metric_date,
        launch_day,
        target,

        denominator_unit as unit,
        {{ as_double('month_bad') }} as month_spent,
        {{ as_double('month_allowed') }} / nullif(month_days_seen_count, 0)
        * ({{ days_between(period_start('month', 'metric_date'), period_end('month', 'metric_date')) }} + 1) as month_budget,
        month_days_seen_count,
        burn_1d_ratio,
        burn_3d_ratio,
        burn_7d_ratio,
        burn_28d_ratio
    from summed
)

select
    launch_id,
    kpi_id,
    subject_id,
    metric_date,
    launch_day,
    target,
    unit,
    month_spent,
    month_budget,
    1 - {{ ratio('month_spent', 'month_budget') }} as month_left_ratio,
    month_days_seen_count,
    burn_1d_ratio,
    burn_3d_ratio,
    burn_7d_ratio,
    burn_28d_ratio
from final
