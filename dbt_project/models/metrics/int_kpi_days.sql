{{ config(materialized='view') }}

with kpi_daily as (
    select * from {{ ref('kpi_daily') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

period_dates as (
    select * from {{ ref('int_period_dates') }}
),

spans as (
    select * from {{ ref('int_kpi_spans') }}
),

-- A KPI is seen on a date that its source covers. Where the source's answer may be empty, the KPI named by seen_by tells: it must be there,
-- and if it is not zero, so must the KPI itself (requests without a status label have no error rate). A count is seen where it was counted:
-- it has a value then, zero too, unless facts speak for more dates than they were booked on (the cost of a month).
final as (
    select
        kpi_daily.*,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        period_dates.is_counterpart,
        period_dates.data_start_date,
        (kpis.period_rule <> 'sum' or kpi_daily.value is not null or kpis.source like 'facts.%')
        and (
            kpis.seen_by is null
            or (witnesses.value is not null and (witnesses.value = 0 or kpi_daily.value is not null))
        ) as is_seen,
        row_number() over (
            partition by
                kpi_daily.launch_id, kpi_daily.kpi_id, kpi_daily.subject_id, kpi_daily.segment_id,
                period_dates.period_kind, period_dates.period_start, period_dates.period_end, period_dates.is_counterpart
            order by kpi_daily.metric_date desc
        ) as days_from_last
    from kpi_daily
    inner join kpis on kpi_daily.launch_id = kpis.launch_id and kpi_daily.kpi_id = kpis.kpi_id
    inner join period_dates
        on kpi_daily.launch_id = period_dates.launch_id
        and kpis.source = period_dates.source
        and kpi_daily.metric_date = period_dates.metric_date
    left join kpi_daily as witnesses
        on kpi_daily.launch_id = witnesses.launch_id
        and kpi_daily.subject_id = witnesses.subject_id
        and kpi_daily.segment_id = witnesses.segment_id
        and kpi_daily.metric_date = witnesses.metric_date
        and kpis.seen_by = witnesses.kpi_id
    where
        period_dates.period_kind <> 'phase'
        or exists (
            select 1 from spans
            where
                spans.launch_id = kpi_daily.launch_id
                and spans.kpi_id in ('', kpi_daily.kpi_id)
                and spans.period_start = period_dates.period_start
                and spans.period_end = period_dates.period_end
        )
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
    metric_date,
    days_from_last,
    is_seen,
    data_start_date,
    value,
    numerator,
    denominator
from final
