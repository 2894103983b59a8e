with tickets as (
    select * from {{ source('raw', 'zendesk_tickets') }}
),

renamed as (
    select
        launch_id,
        id as ticket_id,
        coalesce(lower({{ json_text('record', 'priority') }}), 'none') as priority,
        {{ json_text('record', 'status') }} as status,
        occurred_at as created_at,
        {{ as_moment(json_text('record', 'metric_set', 'solved_at')) }} as last_solved_at
    from tickets
),

final as (
    select
        launch_id,
        ticket_id,

        created_at,
        -- a reopened ticket keeps the moment of its former solution, but is not solved
        case when status in ('solved', 'closed') then last_solved_at end as solved_at,

        priority,
        status
    from renamed
    where status <> 'deleted'
)

select * from final
