with active_events as (
    select * from {{ ref('stg_config__active_events') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
    where registration_event is not null
),

funnel_steps as (
    select * from {{ ref('stg_config__funnel_steps') }}
),

sent as (
    select distinct launch_id, event_name from {{ ref('event_volumes_daily') }}
    where users_count > 0
),

named as (
    select launch_id, 'active_events' as named_by, '' as funnel_id, 0 as step_number, event_name from active_events
    union all
    select launch_id, 'registration_event' as named_by, '' as funnel_id, 0 as step_number, registration_event as event_name from launches
    union all
    select launch_id, 'funnels' as named_by, funnel_id, step_number, event_name from funnel_steps
)

select
    named.launch_id,
    named.named_by,
    named.funnel_id,
    named.step_number,
    named.event_name,
    sent.event_name is not null as is_seen
from named
left join sent on named.launch_id = sent.launch_id and named.event_name = sent.event_name
