{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_kpi_periods() }}"],
        indexes=[{'columns': ['launch_id', 'period_kind', 'period_end']}]
    )
}}

-- the pre_hook asks for it; depends_on: {{ ref('int_changed_kpi_periods') }}
with days as (
    select * from {{ ref('int_kpi_period_days') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

quantiles as (
    select * from {{ ref('int_kpi_quantiles') }}
),

uniques as (
    select * from {{ ref('int_kpi_uniques') }}
),

ratios as (
    select * from {{ ref('stg_config__kpi_ratios') }}
),

divided as (
    select distinct launch_id, kpi_id from {{ ref('stg_config__kpi_terms') }}
    where part = 'denominator'
),

sums as (
    select
        launch_id,
        domain,
        kpi_id,
        subject_id,
        segment_id,
        period_kind,
        period_start,
        period_end,
        is_counterpart,
        max(metric_date) as last_date,
        count(*) as covered_days_count,
        count(*) filter (where is_seen) as days_seen_count,
        max({{ days_between('greatest(period_start, data_start_date)', 'period_end') }}) + 1 as days_expected_count,
        count(value) as value_days_count,
        sum(value) as value_sum,
        sum(numerator) as numerator_sum,
        sum(denominator) as denominator_sum,
        max(value) as highest_value,
        min(value) as lowest_value,
        max(value) filter (where days_from_last = 1) as last_value,
        max(numerator) filter (where days_from_last = 1) as last_numerator,
        max(denominator) filter (where days_from_last = 1) as last_denominator
    from days
    group by launch_id, domain, kpi_id, subject_id, segment_id, period_kind, period_start, period_end, is_counterpart
),

-- A ratio is a ratio of sums, a mean counts days that have a value, and a quantile is read off merged buckets.
parts as (
    select
        sums.*,
        kpis.period_rule,
        divided.kpi_id is not null as is_divided,
        quantiles.value as quantile_value,
        case
            when kpis.period_rule = 'uniques' then uniques.numerator
            when kpis.period_rule = 'ratio' then sums.numerator_sum
            when kpis.period_rule in ('sum', 'mean') then sums.value_sum
            when kpis.period_rule = 'last' and sums.last_denominator is not null then sums.last_numerator
        end as numerator,
        case
            when kpis.period_rule = 'uniques' then uniques.denominator
            when kpis.period_rule = 'ratio' then sums.denominator_sum
            when kpis.period_rule = 'mean' then sums.value_days_count
            when kpis.period_rule = 'quantile' then quantiles.counted
            when kpis.period_rule = 'last' then sums.last_denominator
        end as denominator
    from sums
    inner join kpis on sums.launch_id = kpis.launch_id and sums.kpi_id = kpis.kpi_id
    left join divided on sums.launch_id = divided.launch_id and sums.kpi_id = divided.kpi_id
    left join uniques
        on {{ is_same_kpi('sums', 'uniques') }}
        and sums.period_kind = uniques.period_kind
        and sums.period_start = uniques.period_start
        and sums.period_end = uniques.period_end
        and sums.is_counterpart = uniques.is_counterpart
    left join quantiles
        on {{ is_same_kpi('sums', 'quantiles') }}
        and sums.period_kind = quantiles.period_kind
        and sums.period_start = quantiles.period_start
        and sums.period_end = quantiles.period_end
        and sums.is_counterpart = quantiles.is_counterpart
),

valued as (
    select
        *,
        case
            when period_rule = 'uniques' and not is_divided then numerator
            when period_rule in ('ratio', 'uniques', 'mean') then {{ ratio('numerator', 'denominator') }}
            when period_rule = 'sum' then value_sum
            when period_rule = 'last' then last_value
            when period_rule = 'max' then highest_value
            when period_rule = 'min' then lowest_value
            when period_rule = 'quantile' then quantile_value
        end as value
    from parts
),

-- one KPI by another, of the same period: seen as much as the one that was seen less
of_kpis as (
    select
        valued.launch_id,
        valued.domain,
        valued.kpi_id,
        valued.subject_id,
        valued.segment_id,
        valued.period_kind,
        valued.period_start,
        valued.period_end,
        valued.is_counterpart,
        valued.last_date,
        {{ ratio('ratios.factor * numerators.value', 'denominators.value') }} as value,
        ratios.factor * numerators.value as numerator,
        denominators.value as denominator,
        valued.covered_days_count,
        least(valued.days_seen_count, numerators.days_seen_count, coalesce(denominators.days_seen_count, 0)) as days_seen_count,
        valued.days_expected_count
    from ratios
    inner join valued on ratios.launch_id = valued.launch_id and ratios.kpi_id = valued.kpi_id
    left join valued as numerators
        on ratios.launch_id = numerators.launch_id
        and ratios.numerator_kpi_id = numerators.kpi_id
        and {{ is_same_period('valued', 'numerators') }}
    left join valued as denominators
        on ratios.launch_id = denominators.launch_id
        and ratios.denominator_kpi_id = denominators.kpi_id
        and {{ is_same_period('valued', 'denominators') }}
),

final as (
    select
        launch_id,
        domain,
        kpi_id,
        subject_id,
        segment_id,
        period_kind,
        period_start,
        period_end,
        is_counterpart,
        last_date,
        value,
        numerator,
        denominator,
        covered_days_count,
        days_seen_count,
        days_expected_count
    from valued
    where period_rule <> 'of_kpis'
    union all
    select * from of_kpis
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
    is_counterpart,
    last_date,
    value,
    {{ as_double('numerator') }} as numerator,
    {{ as_double('denominator') }} as denominator,
    covered_days_count,
    days_seen_count,
    cast(days_expected_count as integer) as days_expected_count
from final
