{{ config(materialized='view') }}

with kpi_days as (
    select * from {{ ref('int_kpi_days') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

period_dates as (
    select * from {{ ref('int_changed_period_dates') }}
),

spans as (
    select
        spans.launch_id,
        kpis.kpi_id,
        spans.period_start,
        spans.period_end
    from {{ ref('int_kpi_spans') }} as spans
    inner join kpis on spans.launch_id = kpis.launch_id and spans.kpi_id in ('', kpis.kpi_id)
)

select
    kpi_days.launch_id,
    kpi_days.domain,
    kpi_days.kpi_id,
    kpi_days.subject_id,
    kpi_days.segment_id,
    period_dates.period_kind,
    period_dates.period_start,
    period_dates.period_end,
    period_dates.is_counterpart,
    kpi_days.metric_date,
    period_dates.days_from_last,
    kpi_days.is_seen,
    period_dates.data_start_date,
    kpi_days.value,
    kpi_days.numerator,
    kpi_days.denominator
from kpi_days
inner join period_dates
    on kpi_days.launch_id = period_dates.launch_id
    and kpi_days.source = period_dates.source
    and kpi_days.metric_date = period_dates.metric_date
where
    period_dates.period_kind <> 'phase'
    or (kpi_days.launch_id, kpi_days.kpi_id, period_dates.period_start, period_dates.period_end) in (
        select spans.launch_id, spans.kpi_id, spans.period_start, spans.period_end from spans
    )
