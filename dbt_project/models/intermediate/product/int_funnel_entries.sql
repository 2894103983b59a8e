{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_funnel_entries() }}"],
        indexes=[{'columns': ['launch_id', 'funnel_id', 'user_key', 'entry_date']}, {'columns': ['launch_id', 'entry_date']}]
    )
}}

with changed_users as (
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

-- Totals: the first attempt of a user, and from each that counts the first one after its end.
final as (
    select
        attempts.*,
        {{ counts_in_turn(
            ['entered_at', 'entry_order'], ['ended_at', 'ended_order'], ['kept_ended_at', 'kept_ended_order'], 'user_funnel'
        ) }} as is_total,
        coalesce(lag(entry_date) over user_funnel, kept_entry_date) as previous_entry_date,
        coalesce(lag(closing_date) over user_funnel, kept_closing_date) as previous_closing_date
    from attempts
    window user_funnel as (partition by user_key, launch_id, funnel_id order by attempt_number)
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
