-- One row an event of a funnel's first step, with the step that the user reached from it: each the first event of its name after the step
-- before, within the window. Funnels of three steps, as the launch file's is.
with matches as (
    select
        events.launch_id, funnel_steps.funnel_id, events.user_id, funnel_steps.step_number, events.event_date, events.occurred_at,
        events.occurred_at + funnel_steps.window_seconds * interval 1 second as closes_at
    from events
    inner join funnel_steps using (launch_id, event_name)
    where events.user_id <> ''
),

firsts as (from matches where step_number = 1),

seconds as (from matches where step_number = 2),

thirds as (from matches where step_number = 3)

select
    firsts.launch_id,
    firsts.funnel_id,
    firsts.user_id,
    firsts.event_date as entry_date,
    firsts.occurred_at as entered_at,
    firsts.closes_at,
    case
        when thirds.occurred_at <= firsts.closes_at then 3
        when seconds.occurred_at <= firsts.closes_at then 2
        else 1
    end as reached_step_number,
    if(thirds.occurred_at <= firsts.closes_at, thirds.occurred_at, firsts.closes_at) as ended_at
from firsts
asof left join seconds
    on firsts.launch_id = seconds.launch_id
    and firsts.funnel_id = seconds.funnel_id
    and firsts.user_id = seconds.user_id
    and firsts.occurred_at < seconds.occurred_at
asof left join thirds
    on firsts.launch_id = thirds.launch_id
    and firsts.funnel_id = thirds.funnel_id
    and firsts.user_id = thirds.user_id
    and seconds.occurred_at < thirds.occurred_at
