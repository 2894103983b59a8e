{% set tables = [table_before('int_kpi_periods'), table_before('int_kpi_quantiles')] if has_kpi_tables() else [] %}

with changed_dates as (
    select * from {{ ref('int_changed_kpi_dates') }}
),

whole as (
    select distinct launch_id from changed_dates
    where is_whole
),

covered_dates as (
    select distinct launch_id, metric_date from {{ ref('int_covered_dates') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

spans as (
    select distinct launch_id, period_start, period_end from {{ ref('int_kpi_spans') }}
),

uniques as (
    select * from {{ ref('int_kpi_uniques') }}
),

targets as (
    select
        targets.*,
        {{ add_days('launches.launch_date', 'coalesce(targets.from_day, 0)') }} as phase_start,
        coalesce({{ add_days('launches.launch_date', 'targets.to_day') }}, {{ for_ever() }}) as phase_end,
        {{ add_days('launches.launch_date', 'targets.since_from_day') }} as baseline_start,
        {{ add_days('launches.launch_date', 'targets.since_to_day') }} as baseline_end
    from {{ ref('stg_config__kpi_targets') }} as targets
    inner join launches on targets.launch_id = launches.launch_id
),

{% if tables -%}
-- users may move between the periods of a KPI that counts each of them once without any date that counts otherwise
recounted as (
    select known.launch_id, known.period_kind, known.period_start, known.period_end
    from kpis
    inner join {{ tables[0] }} as known on kpis.launch_id = known.launch_id and kpis.kpi_id = known.kpi_id
    left join uniques on {{ is_same_kpi('known', 'uniques') }} and {{ is_same_period('known', 'uniques') }}
    where
        kpis.period_rule = 'uniques'
        and (known.numerator is distinct from uniques.numerator or known.denominator is distinct from uniques.denominator)
),
{%- endif %}

-- A quota counts from the first day of its phase: a date moves those after it. A change is relative to a phase: a date of that moves what
-- is judged by it.
moved as (
    select
        targets.launch_id,
        min(changed_dates.metric_date) as first_date,
        targets.phase_end as last_date
    from targets
    inner join kpis on targets.launch_id = kpis.launch_id and targets.kpi_id = kpis.kpi_id and kpis.period_rule = 'sum'
    inner join changed_dates
        on targets.launch_id = changed_dates.launch_id
        and changed_dates.metric_date between targets.phase_start and targets.phase_end
    where coalesce(targets.per, 'phase') = 'phase'
    group by targets.launch_id, targets.phase_end
    union
    select targets.launch_id, targets.baseline_end as first_date, {{ for_ever() }} as last_date
    from targets
    inner join changed_dates
        on targets.launch_id = changed_dates.launch_id
        and changed_dates.metric_date between targets.baseline_start and targets.baseline_end
    {% if tables -%}
    union
    select targets.launch_id, targets.baseline_end as first_date, {{ for_ever() }} as last_date
    from targets
    inner join recounted
        on targets.launch_id = recounted.launch_id
        and recounted.period_kind = 'phase'
        and targets.baseline_start = recounted.period_start
        and targets.baseline_end = recounted.period_end
    {%- endif %}
),

dates as (
    select launch_id, metric_date from changed_dates
    union
    select launch_id, first_date as metric_date from moved
    union
    select covered_dates.launch_id, covered_dates.metric_date
    from covered_dates
    inner join moved
        on covered_dates.launch_id = moved.launch_id
        and covered_dates.metric_date between moved.first_date and moved.last_date
),

kinds as (
    {% for kind in calendar_periods() -%}
    select launch_id, '{{ kind }}' as period_kind, metric_date from dates
    {{ 'union' if not loop.last }}
    {% endfor %}
    {% if tables -%}
    union
    select launch_id, period_kind, period_start as metric_date from recounted
    where period_kind <> 'phase'
    {%- endif %}
),

-- and the period after, which is compared with it
final as (
    {% for kind in calendar_periods() -%}
    select
        launch_id,
        period_kind,
        {{ period_start(kind, 'metric_date') }} as period_start,
        {{ period_end(kind, 'metric_date') }} as period_end
    from kinds
    where period_kind = '{{ kind }}'
    union
    select
        launch_id,
        period_kind,
        {{ add_days(period_end(kind, 'metric_date'), 1) }} as period_start,
        {{ period_end(kind, add_days(period_end(kind, 'metric_date'), 1)) }} as period_end
    from kinds
    where period_kind = '{{ kind }}'
    union
    {% endfor -%}
    select spans.launch_id, 'phase' as period_kind, spans.period_start, spans.period_end
    from spans
    inner join dates on spans.launch_id = dates.launch_id and dates.metric_date between spans.period_start and spans.period_end
    {% if tables -%}
    union
    select launch_id, period_kind, period_start, period_end from recounted
    {%- endif %}
    {% for table in tables -%}
    union
    select known.launch_id, known.period_kind, known.period_start, known.period_end
    from {{ table }} as known
    inner join whole on known.launch_id = whole.launch_id
    {% endfor %}
)

select
    launch_id,
    period_kind,
    period_start,
    period_end
from final
