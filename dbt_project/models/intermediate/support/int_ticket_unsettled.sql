with changed as (
    select * from {{ ref('int_ticket_changed') }}
),

clocks as (
    select * from {{ ref('int_ticket_clocks') }}
),

priorities as (
    select * from {{ ref('int_ticket_priorities') }}
),

days as (
    select * from {{ ref('int_support_days') }}
),

-- how far the last build that succeeded could see; a launch that it did not know has no row
former_ends as (
    select
        launch_id,
        max(day_end_at) as former_end_at
    from days
    where not is_new
    group by launch_id
),

first_end as (
    select min(former_end_at) as former_end_at from former_ends
),

final as (
    select launch_id, ticket_id from changed

    union

    select launch_id, ticket_id from clocks
    where state in ('running', 'paused') and to_at is null

    union

    select clocks.launch_id, clocks.ticket_id
    from clocks
    inner join former_ends
        on clocks.launch_id = former_ends.launch_id
        and clocks.to_at >= former_ends.former_end_at
    where clocks.to_at >= (select former_end_at from first_end) and clocks.state in ('running', 'paused', 'ended')

    union

    select priorities.launch_id, priorities.ticket_id
    from priorities
    inner join former_ends
        on priorities.launch_id = former_ends.launch_id
        and priorities.valid_from_at >= former_ends.former_end_at
    where priorities.valid_from_at >= (select former_end_at from first_end)
)

select
    launch_id,
    ticket_id
from final
