with recursive attempts as (
    select
        attempts.*,
        row_number() over (partition by launch_id, funnel_id, user_key order by entered_at, entry_order) as attempt_number
    from {{ ref('int_funnel_attempts') }} as attempts
),

funnels as (
    select
        launch_id,
        funnel_id,
        max(step_number) as last_step_number
    from {{ ref('stg_config__funnel_steps') }}
    group by launch_id, funnel_id
),

-- An attempt ends with its last step, or with its window: what comes after that moment may be the next one.
timeline as (
    select
        launch_id, funnel_id, user_key, attempt_number, attempt_number as next_number, entered_at as moment, entry_order as moment_order,
        0 as is_end
    from attempts
    union all
    select
        attempts.launch_id, attempts.funnel_id, attempts.user_key, attempts.attempt_number, null as next_number,
        case when attempts.reached_step_number = funnels.last_step_number then attempts.reached_at else attempts.closes_at end as moment,
        case when attempts.reached_step_number = funnels.last_step_number then attempts.reached_order end as moment_order,
        1 as is_end
    from attempts
    inner join funnels on attempts.launch_id = funnels.launch_id and attempts.funnel_id = funnels.funnel_id
),

ahead as (
    select
        launch_id,
        funnel_id,
        user_key,
        attempt_number,
        is_end,
        min(next_number) over (
            partition by launch_id, funnel_id, user_key
            order by moment, moment_order nulls last, is_end
            rows between 1 following and unbounded following
        ) as next_number
    from timeline
),

-- Totals: the first attempt, and from each that counts the first one after its end.
counted as (
    select launch_id, funnel_id, user_key, attempt_number, next_number
    from ahead
    where is_end = 1 and attempt_number = 1
    union all
    select ahead.launch_id, ahead.funnel_id, ahead.user_key, ahead.attempt_number, ahead.next_number
    from counted
    inner join ahead
        on counted.launch_id = ahead.launch_id
        and counted.funnel_id = ahead.funnel_id
        and counted.user_key = ahead.user_key
        and counted.next_number = ahead.attempt_number
        and ahead.is_end = 1
),

-- Uniques: the first attempt of a user in a period.
final as (
    select
        attempts.*,
        counted.attempt_number is not null as is_total,
        attempts.attempt_number = min(attempts.attempt_number) over same_day as is_unique_of_day,
        attempts.attempt_number = min(attempts.attempt_number) over same_week as is_unique_of_week,
        attempts.attempt_number = min(attempts.attempt_number) over same_month as is_unique_of_month
    from attempts
    left join counted
        on attempts.launch_id = counted.launch_id
        and attempts.funnel_id = counted.funnel_id
        and attempts.user_key = counted.user_key
        and attempts.attempt_number = counted.attempt_number
    window
        same_day as (partition by attempts.launch_id, attempts.funnel_id, attempts.user_key, attempts.entry_date),
        same_week as (
            partition by attempts.launch_id, attempts.funnel_id, attempts.user_key, {{ period_start('week', 'attempts.entry_date') }}
        ),
        same_month as (
            partition by attempts.launch_id, attempts.funnel_id, attempts.user_key, {{ period_start('month', 'attempts.entry_date') }}
        )
)

select
    launch_id,
    funnel_id,
    user_key,
    entry_date,
    entered_at,
    closes_at,
    reached_step_number,
    is_total,
    is_unique_of_day,
    is_unique_of_week,
    is_unique_of_month
from final
