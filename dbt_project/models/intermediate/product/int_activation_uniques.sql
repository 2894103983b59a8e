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

attempts as (
    select * from {{ ref('int_activation_attempts') }}
),

-- A user counts once in a period, with the first attempt that closes in it.
ranked as (
    select
        attempts.*,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        period_dates.is_counterpart,
        row_number() over (
            partition by
                attempts.launch_id, attempts.user_key,
                period_dates.period_kind, period_dates.period_start, period_dates.period_end, period_dates.is_counterpart
            order by attempts.entered_at, attempts.entry_order
        ) as period_rank
    from period_dates
    inner join attempts on period_dates.launch_id = attempts.launch_id and period_dates.metric_date = attempts.closing_date
)

select
    launch_id,
    period_kind,
    period_start,
    period_end,
    is_counterpart,
    count(*) filter (where is_activated) as activated_count,
    count(*) as entered_count
from ranked
where period_rank = 1
group by launch_id, period_kind, period_start, period_end, is_counterpart
