with days as (
    select * from {{ ref('int_kpi_days') }}
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
        max(value) filter (where days_from_last = 1) as last_value
    from days
    group by launch_id, domain, kpi_id, subject_id, segment_id, period_kind, period_start, period_end, is_counterpart
),

-- A ratio is a ratio of sums, a mean counts days that have a value, and a quantile is read off merged buckets.
parts as (
    select
        sums.*,
        kpis.period_rule,
        quantiles.value as quantile_value,
        case
            when kpis.period_rule = 'uniques' then uniques.numerator
            when kpis.period_rule = 'ratio' then sums.numerator_sum
            when kpis.period_rule in ('sum', 'mean') then sums.value_sum
        end as numerator,
        case
            when kpis.period_rule = 'uniques' then uniques.denominator
            when kpis.period_rule = 'ratio' then sums.denominator_sum
            when kpis.period_rule = 'mean' then sums.value_days_count
            when kpis.period_rule = 'quantile' then quantiles.counted
        end as denominator
    from sums
    inner join kpis on sums.launch_id = kpis.launch_id and sums.kpi_id = kpis.kpi_id
    left join uniques
        on {{ is_same_kpi('sums', 'uniques') }}
        and sums.period_kind = uniques.period_kind
        and sums.period_start = uniques.period_start
        and sums.is_counterpart = uniques.is_counterpart
    left join quantiles
        on {{ is_same_kpi('sums', 'quantiles') }}
        and sums.period_kind = quantiles.period_kind
        and sums.period_start = quantiles.period_start
        and sums.is_counterpart = quantiles.is_counterpart
),

final as (
    select
        *,
        case
            when period_rule in ('ratio', 'uniques', 'mean') then {{ ratio('numerator', 'denominator') }}
            when period_rule = 'sum' then value_sum
            when period_rule = 'last' then last_value
            when period_rule = 'quantile' then quantile_value
        end as value
    from parts
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
