with status_changes as (
    select * from {{ ref('int_ticket_status_changes') }}
),

last_changes as (
    select
        launch_id,
        ticket_id,
        max(case when is_solution then changed_at end) as solved_at,
        max(case when not is_solution then changed_at end) as reopened_at
    from status_changes
    group by launch_id, ticket_id
),

final as (
    select
        launch_id,
        ticket_id,

        solved_at
    from last_changes
    where reopened_at is null or reopened_at < solved_at
)

select * from final
