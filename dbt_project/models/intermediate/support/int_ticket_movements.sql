{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_tickets() }}"],
        indexes=[{'columns': ['launch_id', 'ticket_id']}]
    )
}}

with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
    where {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

status_changes as (
    select * from {{ ref('int_ticket_status_changes') }}
),

priorities as (
    select * from {{ ref('int_ticket_priorities') }}
    where {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

-- a ticket is opened once, and solved and reopened as often as it happens
moves as (
    select launch_id, ticket_id, created_at as moved_at, 1 as opened_count, 0 as solved_count, 0 as reopened_count
    from tickets

    union all

    select
        launch_id, ticket_id, changed_at as moved_at, 0 as opened_count,
        case when is_solution then 1 else 0 end as solved_count,
        case when is_solution then 0 else 1 end as reopened_count
    from status_changes
),

counted as (
    select
        moves.launch_id, moves.ticket_id, moves.moved_at, priorities.priority,
        moves.opened_count, moves.solved_count, moves.reopened_count,
        moves.opened_count + moves.reopened_count - moves.solved_count as backlog_change
    from moves
    inner join priorities
        on moves.launch_id = priorities.launch_id
        and moves.ticket_id = priorities.ticket_id
        and moves.moved_at >= priorities.valid_from_at
        and (priorities.valid_to_at is null or moves.moved_at < priorities.valid_to_at)
),

-- a ticket whose priority changes while it is open leaves one backlog for another
moved as (
    select
        priorities.launch_id, priorities.ticket_id, priorities.valid_to_at as moved_at,
        priorities.priority, next_priorities.priority as next_priority
    from priorities
    inner join priorities as next_priorities
        on priorities.launch_id = next_priorities.launch_id
        and priorities.ticket_id = next_priorities.ticket_id
        and priorities.valid_to_at = next_priorities.valid_from_at
        and (next_priorities.valid_to_at is null or next_priorities.valid_to_at > next_priorities.valid_from_at)
    where priorities.priority <> next_priorities.priority and priorities.valid_from_at < priorities.valid_to_at
),

open_moved as (
    select moved.launch_id, moved.ticket_id, moved.moved_at, moved.priority, moved.next_priority
    from moved
    inner join counted
        on moved.launch_id = counted.launch_id
        and moved.ticket_id = counted.ticket_id
        and moved.moved_at > counted.moved_at
    group by moved.launch_id, moved.ticket_id, moved.moved_at, moved.priority, moved.next_priority
    having sum(counted.backlog_change) = 1
),

all_moves as (
    select * from counted

    union all

    select
        launch_id, ticket_id, moved_at, priority,
        0 as opened_count, 0 as solved_count, 0 as reopened_count, -1 as backlog_change
    from open_moved

    union all

    select
        launch_id, ticket_id, moved_at, next_priority as priority,
        0 as opened_count, 0 as solved_count, 0 as reopened_count, 1 as backlog_change
    from open_moved
),

final as (
    select
        all_moves.launch_id,
        all_moves.ticket_id,

        {{ local_date('all_moves.moved_at', 'launches.timezone') }} as metric_date,
        all_moves.priority,

        sum(all_moves.opened_count) as opened_count,
        sum(all_moves.solved_count) as solved_count,
        sum(all_moves.reopened_count) as reopened_count,
        sum(all_moves.backlog_change) as backlog_change
    from all_moves
    inner join launches
        on all_moves.launch_id = launches.launch_id
    group by all_moves.launch_id, all_moves.ticket_id, {{ local_date('all_moves.moved_at', 'launches.timezone') }}, all_moves.priority
)

select * from final
