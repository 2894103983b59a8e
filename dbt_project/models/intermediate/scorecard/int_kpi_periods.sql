with days as (
    select * from {{ ref('int_kpi_days') }}
),

kpis as (
    select * from {{ ref('kpis') }}
),

histogram_periods as (
    select * from {{ ref('int_histogram_periods') }}
),

-- Uniques do not add up: a user who enters on two days of a week is one.
activation_periods as (
    select * from {{ ref('int_activation_periods') }}
),

sums as (
    select
        launch_id,
        domain,
        kpi_id,
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
    group by launch_id, domain, kpi_id, period_kind, period_start, period_end, is_counterpart
),

counted_once as (
    select
        sums.*,
        coalesce(activation_periods.activated_count, sums.numerator_sum) as ratio_numerator,
        coalesce(activation_periods.entered_count, sums.denominator_sum) as ratio_denominator
    from sums
    left join activation_periods
        on sums.kpi_id = 'activation'
        and sums.launch_id = activation_periods.launch_id
        and sums.period_kind = activation_periods.period_kind
        and sums.period_start = activation_periods.period_start
        and sums.is_counterpart = activation_periods.is_counterpart
),

-- A ratio is a ratio of sums (but of uniques, above), a mean counts days that have a value, and a quantile is read off merged buckets.
final as (
    select
        sums.*,
        case kpis.period_rule
            when 'ratio' then {{ ratio('sums.ratio_numerator', 'sums.ratio_denominator') }}
            when 'sum' then sums.value_sum
            when 'mean' then {{ ratio('sums.value_sum', 'sums.value_days_count') }}
            when 'last' then sums.last_value
            when 'histogram' then histogram_periods.value
        end as value,
        case kpis.period_rule
            when 'ratio' then sums.ratio_numerator
            when 'sum' then sums.value_sum
            when 'mean' then sums.value_sum
        end as numerator,
        case kpis.period_rule
            when 'ratio' then sums.ratio_denominator
            when 'mean' then sums.value_days_count
            when 'histogram' then histogram_periods.request_count
        end as denominator
    from counted_once as sums
    inner join kpis on sums.kpi_id = kpis.kpi_id
    left join histogram_periods
        on sums.launch_id = histogram_periods.launch_id
        and sums.kpi_id = histogram_periods.kpi_id
        and sums.period_kind = histogram_periods.period_kind
        and sums.period_start = histogram_periods.period_start
        and sums.is_counterpart = histogram_periods.is_counterpart
)

select
    launch_id,
    domain,
    kpi_id,
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
