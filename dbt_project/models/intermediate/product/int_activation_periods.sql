with period_dates as (
    select * from {{ ref('int_period_dates') }}
    where source = 'mixpanel'
),

-- If a step was never done by any user, nobody is known to be activated or not.
attempts as (
    select attempts.*
    from {{ ref('int_activation_attempts') }} as attempts
    inner join {{ ref('int_event_scope') }} as event_scope on attempts.launch_id = event_scope.launch_id
    where event_scope.is_activation_seen
),

-- A user counts once in a period, with the first attempt that closes in it.
ranked as (
    select
        attempts.*,
        period_dates.period_kind,
        period_dates.period_start,
        period_dates.is_counterpart,
        row_number() over (
            partition by
                attempts.launch_id, attempts.user_key, period_dates.period_kind, period_dates.period_start, period_dates.is_counterpart
            order by attempts.entered_at, attempts.entry_order
        ) as period_rank
    from attempts
    inner join period_dates on attempts.launch_id = period_dates.launch_id and attempts.closing_date = period_dates.metric_date
)

select
    launch_id,
    period_kind,
    period_start,
    is_counterpart,
    count(*) filter (where is_activated) as activated_count,
    count(*) as entered_count
from ranked
where period_rank = 1
group by launch_id, period_kind, period_start, is_counterpart
