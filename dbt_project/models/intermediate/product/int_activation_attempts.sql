{{ config(materialized='view') }}

with entries as (
    select * from {{ ref('int_funnel_entries') }}
    where funnel_id = 'activation'
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
    entries.launch_id,
    entries.user_key,
    entries.entry_date,
    entries.closing_date,
    entries.previous_closing_date,
    entries.reached_step_number = last_steps.step_number as is_activated
from entries
inner join last_steps on entries.launch_id = last_steps.launch_id
