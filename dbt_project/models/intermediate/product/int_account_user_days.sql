{{ config(materialized='view') }}

with events as (
    select * from {{ ref('int_account_events') }}
),

profiles as (
    select * from {{ ref('int_user_accounts') }}
),

final as (
    select launch_id, measure_id, account_id, user_key, event_date, events_count from events
    where account_id is not null
    union all
    select events.launch_id, events.measure_id, profiles.account_id, events.user_key, events.event_date, events.events_count
    from events
    inner join profiles on events.launch_id = profiles.launch_id and events.user_key = profiles.user_key
    where events.account_id is null
)

select
    launch_id,
    measure_id,
    account_id,
    user_key,
    event_date,
    cast(sum(events_count) as bigint) as events_count
from final
group by launch_id, measure_id, account_id, user_key, event_date
