{{ config(pre_hook="{{ read_by_index(joins='loops') }}") }}

with dirty_dates as (
    select * from {{ dirty_dates('mixpanel') }}
),

changed_users as (
    select * from {{ ref('int_changed_users') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
)

select launch_id, metric_date from dirty_dates
union
select
    user_days.launch_id,
    user_days.activity_date as metric_date
from changed_users
inner join user_days
    on changed_users.launch_id = user_days.launch_id
    and changed_users.user_key = user_days.user_key
    and changed_users.from_date <= user_days.activity_date
