-- One row a ticket, with its first reply and its solution. The generator's tickets keep their priority and are solved once, and its desk is
-- open around the clock; a first reply ends with the solution at the latest.
with priorities as (
    select
        launch_id,
        record.ticket_id::varchar as ticket_id,
        arg_min(record.child_events[1].priority::varchar, (occurred_at, id)) as priority
    from zendesk_ticket_events
    where record.child_events[1].event_type::varchar = 'Create'
    group by all
),

ends as (
    select
        launch_id,
        record.ticket_id::varchar as ticket_id,
        min(occurred_at) filter (where record.metric::varchar = 'reply_time') as replied_at,
        min(occurred_at) filter (where record.metric::varchar = 'resolution_time') as solved_at
    from zendesk_ticket_metric_events
    where record.type::varchar = 'fulfill'
    group by all
)

select
    tickets.launch_id,
    tickets.id as ticket_id,
    coalesce(priorities.priority, tickets.record.priority::varchar, 'none') as priority,
    tickets.occurred_at as created_at,
    least(ends.replied_at, ends.solved_at) as replied_at,
    ends.solved_at
from zendesk_tickets as tickets
left join priorities on tickets.launch_id = priorities.launch_id and tickets.id = priorities.ticket_id
left join ends on tickets.launch_id = ends.launch_id and tickets.id = ends.ticket_id
