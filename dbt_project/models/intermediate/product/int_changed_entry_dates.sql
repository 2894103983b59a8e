{{ config(pre_hook="{{ read_by_index(joins='loops') }}") }}

with remade_dates as (
    select * from {{ dates_within_a_window() }}
),

changed_users as (
    select * from {{ ref('int_changed_funnel_users') }}
),

entries as (
    select * from {{ ref('int_funnel_entries') }}
)

select
    launch_id,
    metric_date as entry_date
from remade_dates
union
select
    entries.launch_id,
    entries.entry_date
from changed_users
inner join entries
    on changed_users.launch_id = entries.launch_id
    and changed_users.funnel_id = entries.funnel_id
    and changed_users.user_key = entries.user_key
    and changed_users.from_date <= entries.entry_date
