{{ config(materialized='view') }}

with attempts as (
    select * from {{ ref('int_funnel_attempts') }}
    where funnel_id = 'activation'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

last_steps as (
    select
        launch_id,
        max(step_number) as step_number
    from {{ ref('stg_config__funnel_steps') }}
    where funnel_id = 'activation'
    group by launch_id
)

-- Dated by the day on which the window closes: decided then, and never changed by the passing of time.
select
    attempts.launch_id,
    attempts.user_key,
    attempts.entered_at,
    attempts.entry_order,
    attempts.closing_date,
    {{ days_between('launches.launch_date', 'attempts.closing_date') }} as launch_day,
    attempts.reached_step_number = last_steps.step_number as is_activated
from attempts
inner join launches on attempts.launch_id = launches.launch_id
inner join last_steps on attempts.launch_id = last_steps.launch_id
