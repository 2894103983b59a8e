{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_kpi_periods() }}"],
        indexes=[{'columns': ['launch_id', 'period_kind', 'period_end']}]
    )
}}

-- the pre_hook asks for it; depends_on: {{ ref('int_changed_kpi_periods') }}
with buckets as (
    select * from {{ ref('measure_buckets_daily') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
    where period_rule = 'quantile'
),

period_dates as (
    select * from {{ ref('int_changed_period_dates') }}
),

-- the buckets of all dates of a period are one histogram
merged as (
    select
        kpis.launch_id,
        kpis.kpi_id,
        kpis.quantile,
        buckets.subject_id,
        buckets.segment_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        period_dates.is_counterpart,
        buckets.upper_bound as upper_bound_seconds,
        sum(buckets.value) as request_count
    from kpis
    inner join buckets
        on kpis.launch_id = buckets.launch_id
        and kpis.buckets = buckets.measure_id
    inner join period_dates
        on kpis.launch_id = period_dates.launch_id
        and kpis.source = period_dates.source
        and buckets.metric_date = period_dates.metric_date
    group by
        kpis.launch_id,
        kpis.kpi_id,
        kpis.quantile,
        buckets.subject_id,
        buckets.segment_id,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        period_dates.is_counterpart,
        buckets.upper_bound
),

{% set keys = ['launch_id', 'kpi_id', 'subject_id', 'segment_id', 'period_kind', 'period_start', 'period_end', 'is_counterpart'] %}
ranked as (
    {{ histogram_ranks('merged', keys) }}
)

select
    {{ keys | join(',\n    ') }},
    {{ histogram_quantile('quantile') }} as value,
    max(total_count) as counted
from ranked
group by {{ keys | join(', ') }}
