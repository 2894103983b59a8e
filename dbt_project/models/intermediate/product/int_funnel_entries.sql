{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_funnel_entries() }}"],
        indexes=[{'columns': ['launch_id', 'funnel_id', 'user_key', 'entry_date']}, {'columns': ['launch_id', 'entry_date']}]
    )
}}

with recursive changed_users as (
    select * from {{ ref('int_changed_funnel_users') }}
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
attempts as (
    select
        attempts.*,
        changed_users.kept_ended_at,
        changed_users.kept_ended_order,
        changed_users.kept_entry_date,
        changed_users.kept_closing_date,
        attempts.reached_step_number = funnels.last_step_number as is_converted,
        case when attempts.reached_step_number = funnels.last_step_number then attempts.reached_at else attempts.closes_at end as ended_at,
        case when attempts.reached_step_number = funnels.last_step_number then attempts.reached_order end as ended_order,
        row_number() over (
            partition by attempts.user_key, attempts.launch_id, attempts.funnel_id order by attempts.entered_at, attempts.entry_order
        ) as attempt_number
    from {{ ref('int_funnel_attempts') }} as attempts
    inner join funnels on attempts.launch_id = funnels.launch_id and attempts.funnel_id = funnels.funnel_id
    {{ join_changed() }} changed_users
        on attempts.launch_id = changed_users.launch_id
        and attempts.funnel_id = changed_users.funnel_id
        and attempts.user_key = changed_users.user_key
        and attempts.entry_date >= changed_users.from_date
),

-- Number 0 stands for what the first attempt comes after: the end before it, or nothing.
timeline as (
    select
        launch_id, funnel_id, user_key, attempt_number, attempt_number as next_number, entered_at as moment, entry_order as moment_order,
        0 as is_end
    from attempts
    union all
    select
        launch_id, funnel_id, user_key, attempt_number, null as next_number, ended_at as moment, ended_order as moment_order, 1 as is_end
    from attempts
    union all
    select
        launch_id, funnel_id, user_key, 0 as attempt_number, null as next_number, coalesce(kept_ended_at, entered_at) as moment,
        case when kept_ended_at is null then entry_order - 1 else kept_ended_order end as moment_order, 1 as is_end
    from attempts
    where attempt_number = 1
),

ahead as (
    select
        launch_id,
        funnel_id,
        user_key,
        attempt_number,
        is_end,
        min(next_number) over (
            partition by user_key, launch_id, funnel_id
            order by moment desc, moment_order desc nulls first, is_end desc
            rows between unbounded preceding and 1 preceding
        ) as next_number
    from timeline
),

-- Totals: from each that counts the first one after its end.
counted as (
    select launch_id, funnel_id, user_key, attempt_number, next_number
    from ahead
    where attempt_number = 0
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

final as (
    select
        attempts.*,
        counted.attempt_number is not null as is_total,
        coalesce(lag(attempts.entry_date) over user_funnel, attempts.kept_entry_date) as previous_entry_date,
        coalesce(lag(attempts.closing_date) over user_funnel, attempts.kept_closing_date) as previous_closing_date
    from attempts
    left join counted
        on attempts.launch_id = counted.launch_id
        and attempts.funnel_id = counted.funnel_id
        and attempts.user_key = counted.user_key
        and attempts.attempt_number = counted.attempt_number
    window user_funnel as (partition by attempts.user_key, attempts.launch_id, attempts.funnel_id order by attempts.attempt_number)
)

-- Uniques: the first attempt of a user in a period, so the one before it began in an earlier one.
select
    launch_id,
    funnel_id,
    user_key,
    entry_date,
    entered_at,
    closes_at,
    closing_date,
    reached_step_number,
    is_converted,
    ended_at,
    ended_order,
    {% for kind in calendar_periods() %}
    previous_entry_date is null or previous_entry_date < {{ period_start(kind, 'entry_date') }} as is_unique_of_{{ kind }},
    {% endfor %}
    previous_entry_date,
    previous_closing_date,
    is_total
from final
