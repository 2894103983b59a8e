-- Each event with its user: the user with whom its device was seen first, where it names a device and nobody.
with device_users as (
    select
        launch_id,
        properties."$device_id"::varchar as device_id,
        arg_min(properties."$user_id"::varchar, (occurred_at, source_order)) as user_id
    from mixpanel_events
    where properties."$user_id"::varchar <> ''
    group by all
)

select
    events.launch_id,
    coalesce(device_users.user_id, events.distinct_id) as user_id,
    events.event_name,
    events.event_date,
    events.occurred_at
from mixpanel_events as events
left join device_users
    on events.launch_id = device_users.launch_id
    and events.distinct_id = device_users.device_id
    and events.properties."$device_id"::varchar = device_users.device_id
