-- Attempts with the date of the one before them, and whether they count among totals: a user enters again after the last step or after the
-- window, from the first attempt on.
with recursive attempts as (
    select
        *,
        row_number() over history as attempt_number,
        lag(entry_date) over history as previous_entry_date
    from funnel_attempts
    window history as (partition by launch_id, funnel_id, user_id order by entered_at)
),

hops as materialized (
    select attempts.launch_id, attempts.funnel_id, attempts.user_id, attempts.attempt_number, later.attempt_number as next_number
    from attempts
    asof join attempts as later
        on attempts.launch_id = later.launch_id
        and attempts.funnel_id = later.funnel_id
        and attempts.user_id = later.user_id
        and attempts.ended_at < later.entered_at
),

counted as (
    select launch_id, funnel_id, user_id, attempt_number from attempts
    where attempt_number = 1
    union all
    select launch_id, funnel_id, user_id, hops.next_number
    from counted
    inner join hops using (launch_id, funnel_id, user_id, attempt_number)
)

select
    attempts.launch_id,
    attempts.funnel_id,
    attempts.entry_date,
    attempts.previous_entry_date,
    attempts.closes_at,
    attempts.reached_step_number,
    counted.attempt_number is not null as is_total
from attempts
left join counted using (launch_id, funnel_id, user_id, attempt_number)
