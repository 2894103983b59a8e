with terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
),

-- Of what does not add up over days, the value of each period: a user who enters on two days of a week is one.
measures as (
    select
        periods.launch_id,
        periods.period_kind,
        periods.period_start,
        periods.period_end,
        periods.is_counterpart,
        '' as segment_id,
        columns.measure_id,
        columns.value
    from {{ ref('int_activation_periods') }} as periods
    {{ each_column('periods', {'activated_count': 'activated', 'entered_count': 'activation_entries'}, 'columns') }}
    union all
    select
        launch_id,
        period_kind,
        period_start,
        period_end,
        is_counterpart,
        '' as segment_id,
        measure_id,
        value
    from {{ ref('int_unique_measures') }}
    union all
    select
        launch_id,
        period_kind,
        period_start,
        period_end,
        is_counterpart,
        segment_id,
        measure_id,
        value
    from {{ ref('int_segment_uniques') }}
)

select
    measures.launch_id,
    terms.kpi_id,
    '' as subject_id,
    measures.segment_id,
    measures.period_kind,
    measures.period_start,
    measures.period_end,
    measures.is_counterpart,
    sum(case when terms.part = 'numerator' then measures.value * terms.weight end) as numerator,
    sum(case when terms.part = 'denominator' then measures.value end) as denominator
from measures
inner join terms on measures.launch_id = terms.launch_id and measures.measure_id = terms.measure_id
group by 1, 2, 4, 5, 6, 7, 8
