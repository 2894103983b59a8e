with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

metric_events as (
    select * from {{ ref('stg_zendesk__ticket_metric_events') }}
    where metric = 'resolution_time' and event_type in ('activate', 'fulfill')
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'zendesk'
),

followed as (
    select
        launch_id,
        ticket_id,
        occurred_at,
        event_type,
        lag(event_type) over (partition by launch_id, ticket_id order by occurred_at, instance_number) as previous_type
    from metric_events
),

-- the resolution clock ends when a ticket is solved, and starts once more when it is reopened
told as (
    select
        followed.launch_id,
        followed.ticket_id,
        followed.occurred_at as changed_at,
        followed.event_type = 'fulfill' as is_solution
    from followed
    inner join tickets
        on followed.launch_id = tickets.launch_id
        and followed.ticket_id = tickets.ticket_id
    where
        (followed.event_type = 'fulfill' and coalesce(followed.previous_type, 'activate') = 'activate')
        or (followed.event_type = 'activate' and followed.previous_type = 'fulfill')
),

told_tickets as (
    select distinct launch_id, ticket_id from told
),

-- of a ticket without such events only the last solution is known
all_changes as (
    select launch_id, ticket_id, changed_at, is_solution
    from told

    union all

    select tickets.launch_id, tickets.ticket_id, tickets.solved_at as changed_at, true as is_solution
    from tickets
    left join told_tickets
        on tickets.launch_id = told_tickets.launch_id
        and tickets.ticket_id = told_tickets.ticket_id
    where told_tickets.ticket_id is null and tickets.solved_at is not null
),

final as (
    select
        all_changes.launch_id,
        all_changes.ticket_id,

        all_changes.changed_at,

        all_changes.is_solution
    from all_changes
    inner join data_end
        on all_changes.launch_id = data_end.launch_id
    where all_changes.changed_at < data_end.data_end_at
)

select * from final
