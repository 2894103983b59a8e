{# What happened to a ticket is told by three streams; a launch file may change what its clocks mean. #}
with tickets as (
    select * from {{ source('raw', 'zendesk_tickets') }}
),

metric_events as (
    select * from {{ source('raw', 'zendesk_ticket_metric_events') }}
),

ticket_events as (
    select * from {{ source('raw', 'zendesk_ticket_events') }}
),

loads as (
    select load_id from {{ source('ops', 'partition_loads') }}
    where source = 'zendesk' and build_id = {{ build_id() }}
),

last_build as (
    select max(started_at) as last_started_at
    from {{ source('ops', 'builds') }}
    where status = 'succeeded'
),

changed_launches as (
    select launch_id from {{ source('config', 'launches') }}
    where {{ makes_all_tickets() }} or synced_at > (select last_started_at from last_build)
),

final as (
    select launch_id, id as ticket_id from tickets
    where load_id in (select load_id from loads)

    union

    select launch_id, {{ json_text('record', 'ticket_id') }} as ticket_id from metric_events
    where load_id in (select load_id from loads)

    union

    select launch_id, {{ json_text('record', 'ticket_id') }} as ticket_id from ticket_events
    where load_id in (select load_id from loads)

    union

    select launch_id, id as ticket_id from tickets
    where launch_id in (select launch_id from changed_launches)
)

select
    launch_id,
    ticket_id
from final
where ticket_id is not null
