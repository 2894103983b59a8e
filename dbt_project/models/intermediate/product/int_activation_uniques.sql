{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_activation_periods() }}"]
    )
}}

with period_dates as (
    select periods.* from {{ ref('int_period_dates') }} as periods
    where periods.source = 'mixpanel' and {{ is_changed_activation_period('periods') }}
),

days as (
    select * from {{ ref('int_activation_days') }}
)

-- A user counts once in a period, with the first attempt that closes in it: the one before closed in an earlier period.
select
    period_dates.launch_id,
    period_dates.period_kind,
    period_dates.period_start,
    period_dates.period_end,
    period_dates.is_counterpart,
    cast(sum(days.activated_count) as bigint) as activated_count,
    cast(sum(days.entered_count) as bigint) as entered_count
from period_dates
inner join days
    on period_dates.launch_id = days.launch_id
    and period_dates.metric_date = days.closing_date
    and (days.previous_closing_date is null or period_dates.within_start > days.previous_closing_date)
group by 1, 2, 3, 4, 5
