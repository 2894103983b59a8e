with changed_periods as (
    select * from {{ ref('int_changed_kpi_periods') }}
),

period_dates as (
    select * from {{ ref('int_period_dates') }}
)

select
    period_dates.launch_id,
    period_dates.source,
    period_dates.period_kind,
    period_dates.period_start,
    period_dates.period_end,
    period_dates.is_counterpart,
    period_dates.metric_date,
    period_dates.data_start_date,
    row_number() over (
        partition by
            period_dates.launch_id, period_dates.source,
            period_dates.period_kind, period_dates.period_start, period_dates.period_end, period_dates.is_counterpart
        order by period_dates.metric_date desc
    ) as days_from_last
from period_dates
inner join changed_periods
    on period_dates.launch_id = changed_periods.launch_id
    and period_dates.period_kind = changed_periods.period_kind
    and period_dates.period_start = changed_periods.period_start
    and period_dates.period_end = changed_periods.period_end
