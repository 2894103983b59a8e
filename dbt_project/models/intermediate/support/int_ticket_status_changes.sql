{{ config(pre_hook="{{ read_by_index() }}") }}

with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
    where {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

metric_events as (
    select * from {{ ref('stg_zendesk__ticket_metric_events') }}
    where
        metric in ('resolution_time', 'requester_wait_time', 'agent_work_time')
        and event_type in ('activate', 'pause', 'fulfill')
        and {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

ticket_changes as (
    select * from {{ ref('stg_zendesk__ticket_changes') }}
    where status is not null and {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

told_seconds as (
    select distinct launch_id, ticket_id, occurred_at from metric_events
),

-- What each source says of a ticket at a moment: solved or not. Within a second the instances of the clocks follow one another, the end of
-- an instance is its last word, and other events go by their numbers. A ticket that is solved or closed was solved, whatever else is told.
said as (
    select
        launch_id, ticket_id,
        occurred_at as said_at, event_type = 'fulfill' as is_solved,
        instance_number as order_instance, case when event_type = 'fulfill' then 1 else 0 end as order_end,
        metric_event_number as order_number, 0 as order_child
    from metric_events

    union all

    select
        ticket_changes.launch_id, ticket_changes.ticket_id,
        ticket_changes.changed_at as said_at, ticket_changes.status in ('solved', 'closed') as is_solved,
        0 as order_instance, 0 as order_end,
        ticket_changes.ticket_event_number as order_number, ticket_changes.child_number as order_child
    from ticket_changes
    left join told_seconds
        on ticket_changes.launch_id = told_seconds.launch_id
        and ticket_changes.ticket_id = told_seconds.ticket_id
        and ticket_changes.changed_at = told_seconds.occurred_at
    where told_seconds.ticket_id is null

    union all

    select
        launch_id, ticket_id,
        solved_at as said_at, true as is_solved,
        {{ last_instance() }} as order_instance, 1 as order_end,
        0 as order_number, 0 as order_child
    from tickets
    where solved_at is not null

    union all

    select
        launch_id, ticket_id,
        solved_by_at as said_at, true as is_solved,
        {{ last_instance() }} as order_instance, 1 as order_end,
        1 as order_number, 0 as order_child
    from tickets
    where solved_by_at is not null
),

followed as (
    select
        said.*,
        lag(said.is_solved, 1, false) over (
            partition by said.launch_id, said.ticket_id
            order by said.said_at, said.order_instance, said.order_end, said.order_number, said.order_child
        ) as was_solved
    from said
    inner join tickets
        on said.launch_id = tickets.launch_id
        and said.ticket_id = tickets.ticket_id
),

final as (
    select
        launch_id,
        ticket_id,

        row_number() over (
            partition by launch_id, ticket_id
            order by said_at, order_instance, order_end, order_number, order_child
        ) as change_number,
        said_at as changed_at,
        order_instance as instance_number,

        is_solved as is_solution
    from followed
    where is_solved <> was_solved
)

select * from final
