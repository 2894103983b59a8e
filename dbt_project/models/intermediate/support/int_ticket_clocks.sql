with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

replies as (
    select * from {{ ref('int_ticket_replies') }}
),

solutions as (
    select * from {{ ref('int_ticket_solutions') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'zendesk'
),

-- nobody waits any more for the reply to a ticket that was solved without one
clocks as (
    select
        tickets.launch_id,
        tickets.ticket_id,
        'first_reply' as metric,
        tickets.priority,
        replies.started_at,
        coalesce(replies.replied_at, solutions.solved_at) as ended_at
    from tickets
    inner join replies
        on tickets.launch_id = replies.launch_id
        and tickets.ticket_id = replies.ticket_id
    left join solutions
        on tickets.launch_id = solutions.launch_id
        and tickets.ticket_id = solutions.ticket_id

    union all

    select
        tickets.launch_id,
        tickets.ticket_id,
        'resolution' as metric,
        tickets.priority,
        tickets.created_at as started_at,
        solutions.solved_at as ended_at
    from tickets
    left join solutions
        on tickets.launch_id = solutions.launch_id
        and tickets.ticket_id = solutions.ticket_id
),

final as (
    select
        clocks.launch_id,
        clocks.ticket_id,

        clocks.metric,
        clocks.priority,

        clocks.started_at,
        clocks.ended_at,
        coalesce(clocks.ended_at, data_end.data_end_at) as measured_until_at
    from clocks
    inner join data_end
        on clocks.launch_id = data_end.launch_id
    where clocks.started_at < data_end.data_end_at
)

select * from final
