{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_dates('metric_date') }}"]
    )
}}

with user_days as (
    select * from {{ ref('int_user_days') }}
    where {{ is_changed_date('launch_id', 'activity_date') }}
)

select
    launch_id,
    activity_date as metric_date,
    least(coalesce({{ days_between('previous_activity_date', 'activity_date') }}, 30), 30) as pause_days,
    count(*) as users_count,
    count(case when activity_number = 1 then 1 end) as new_users_count,
    count(case when activity_number > 1 then 1 end) as repeat_users_count,
    count(case when activity_number = 2 then 1 end) as first_repeat_users_count,
    cast(sum(events_count) as bigint) as events_count
from user_days
group by 1, 2, 3
