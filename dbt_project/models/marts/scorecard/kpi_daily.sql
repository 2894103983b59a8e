{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_kpi_dates() }}"],
        indexes=[{'columns': ['launch_id', 'metric_date']}]
    )
}}

with subjects as (
    select * from {{ ref('int_kpi_subjects') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where {{ is_changed_kpi_date('launch_id', 'metric_date') }}
),

measures as (
    select * from {{ ref('measures_daily') }}
    where {{ is_changed_kpi_date('launch_id', 'metric_date') }}
),

quantiles as (
    select * from {{ ref('int_kpi_quantiles') }}
    where period_kind = 'day' and {{ is_changed_kpi_date('launch_id', 'period_start') }}
),

ratios as (
    select * from {{ ref('stg_config__kpi_ratios') }}
),

divided as (
    select distinct launch_id, kpi_id from terms
    where part = 'denominator'
),

sums as (
    select
        measures.launch_id,
        terms.kpi_id,
        measures.subject_id,
        measures.segment_id,
        measures.metric_date,
        sum(case when terms.part = 'numerator' then measures.value * terms.weight end) as numerator,
        sum(case when terms.part = 'denominator' then measures.value end) as denominator
    from terms
    inner join measures on terms.launch_id = measures.launch_id and terms.measure_id = measures.measure_id
    group by measures.launch_id, terms.kpi_id, measures.subject_id, measures.segment_id, measures.metric_date
),

-- a covered date of its source is a row of each KPI, whether something was measured or not
measured as (
    select
        subjects.launch_id,
        kpis.domain,
        subjects.kpi_id,
        subjects.subject_id,
        subjects.segment_id,
        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        case
            when kpis.period_rule = 'quantile' then quantiles.value
            when divided.kpi_id is not null then {{ ratio('sums.numerator', 'sums.denominator') }}
            else sums.numerator
        end as value,
        case when kpis.period_rule = 'quantile' then quantiles.value else sums.numerator end as numerator,
        case when kpis.period_rule = 'mean' then 1 else sums.denominator end as denominator
    from subjects
    inner join kpis on subjects.launch_id = kpis.launch_id and subjects.kpi_id = kpis.kpi_id
    inner join launches on subjects.launch_id = launches.launch_id
    inner join covered_dates on subjects.launch_id = covered_dates.launch_id and kpis.source = covered_dates.source
    left join divided on subjects.launch_id = divided.launch_id and subjects.kpi_id = divided.kpi_id
    left join sums on {{ is_same_kpi('subjects', 'sums') }} and covered_dates.metric_date = sums.metric_date
    left join quantiles on {{ is_same_kpi('subjects', 'quantiles') }} and covered_dates.metric_date = quantiles.period_start
),

-- one KPI by another, of the same date
final as (
    select
        measured.launch_id,
        measured.domain,
        measured.kpi_id,
        measured.subject_id,
        measured.segment_id,
        measured.metric_date,
        measured.launch_day,
        case
            when ratios.kpi_id is not null then {{ ratio('ratios.factor * numerators.value', 'denominators.value') }}
            else measured.value
        end as value,
        case when ratios.kpi_id is not null then ratios.factor * numerators.value else measured.numerator end as numerator,
        case when ratios.kpi_id is not null then denominators.value else measured.denominator end as denominator
    from measured
    left join ratios on measured.launch_id = ratios.launch_id and measured.kpi_id = ratios.kpi_id
    left join measured as numerators
        on ratios.launch_id = numerators.launch_id
        and ratios.numerator_kpi_id = numerators.kpi_id
        and measured.subject_id = numerators.subject_id
        and measured.segment_id = numerators.segment_id
        and measured.metric_date = numerators.metric_date
    left join measured as denominators
        on ratios.launch_id = denominators.launch_id
        and ratios.denominator_kpi_id = denominators.kpi_id
        and measured.subject_id = denominators.subject_id
        and measured.segment_id = denominators.segment_id
        and measured.metric_date = denominators.metric_date
)

select
    launch_id,
    domain,
    kpi_id,
    subject_id,
    segment_id,
    metric_date,
    launch_day,
    value,
    {{ as_double('numerator') }} as numerator,
    {{ as_double('denominator') }} as denominator
from final
