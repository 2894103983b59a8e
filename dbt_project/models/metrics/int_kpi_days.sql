{{ config(materialized='view') }}

with kpi_daily as (
    select * from {{ ref('kpi_daily') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
)

-- A KPI is seen on a date that its source covers. Where the source's answer may be empty, the KPI named by seen_by tells: it must be there,
-- and if it is not zero, so must the KPI itself (requests without a status label have no error rate). A count is seen where it was counted:
-- it has a value then, zero too, unless facts speak for more dates than they were booked on (the cost of a month).
select
    kpi_daily.launch_id,
    kpi_daily.domain,
    kpi_daily.kpi_id,
    kpi_daily.subject_id,
    kpi_daily.segment_id,
    kpis.source,
    kpi_daily.metric_date,
    (kpis.period_rule <> 'sum' or kpi_daily.value is not null or kpis.source like 'facts.%')
    and (
        kpis.seen_by is null
        or (witnesses.value is not null and (witnesses.value = 0 or kpi_daily.value is not null))
    ) as is_seen,
    kpi_daily.value,
    kpi_daily.numerator,
    kpi_daily.denominator
from kpi_daily
inner join kpis on kpi_daily.launch_id = kpis.launch_id and kpi_daily.kpi_id = kpis.kpi_id
left join kpi_daily as witnesses
    on kpi_daily.launch_id = witnesses.launch_id
    and kpi_daily.subject_id = witnesses.subject_id
    and kpi_daily.segment_id = witnesses.segment_id
    and kpi_daily.metric_date = witnesses.metric_date
    and kpis.seen_by = witnesses.kpi_id
