with period_dates as (
    select * from {{ ref('int_period_dates') }}
    where source = 'mixpanel'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- Launches that have a funnel called activation, and the step that counts as activated: its last. If a step was never done by any user,
-- nobody is known to be activated or not.
last_steps as (
    select
        launch_id,
        max(step_number) as step_number
    from {{ ref('int_named_events') }}
    where funnel_id = 'activation'
    group by launch_id
    having bool_and(is_seen)
),

-- Dated by the day on which the window closes: decided then, and never changed by the passing of time.
attempts as (
    select
        attempts.launch_id,
        attempts.user_key,
        attempts.entered_at,
        attempts.entry_order,
        {{ local_date('attempts.closes_at', 'launches.timezone') }} as closing_date,
        attempts.reached_step_number = last_steps.step_number as is_activated
    from {{ ref('int_funnel_attempts') }} as attempts
    inner join launches on attempts.launch_id = launches.launch_id
    inner join last_steps on attempts.launch_id = last_steps.launch_id
    where attempts.funnel_id = 'activation'
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
