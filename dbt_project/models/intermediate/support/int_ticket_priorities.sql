{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_tickets() }}"],
        indexes=[{'columns': ['launch_id', 'ticket_id']}, {'columns': ['valid_from_at']}]
    )
}}

with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
    where {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

changes as (
    select * from {{ ref('stg_zendesk__ticket_changes') }}
    where is_priority_change and {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

numbered as (
    select
        changes.*,
        row_number() over (
            partition by launch_id, ticket_id
            order by changed_at, ticket_event_number, child_number
        ) as change_number
    from changes
),

-- before the first change that is known: what it tells of the time before, or else the ticket as it is
periods as (
    select
        tickets.launch_id,
        tickets.ticket_id,
        0 as change_number,
        {{ as_moment("'1900-01-01 00:00+00'") }} as valid_from_at,
        case
            when numbered.ticket_id is null then tickets.priority
            when numbered.is_creation then numbered.priority
            else numbered.previous_priority
        end as priority
    from tickets
    left join numbered
        on tickets.launch_id = numbered.launch_id
        and tickets.ticket_id = numbered.ticket_id
        and numbered.change_number = 1

    union all

    select
        tickets.launch_id,
        tickets.ticket_id,
        numbered.change_number,
        numbered.changed_at as valid_from_at,
        numbered.priority
    from tickets
    inner join numbered
        on tickets.launch_id = numbered.launch_id
        and tickets.ticket_id = numbered.ticket_id
),

final as (
    select
        launch_id,
        ticket_id,

        valid_from_at,
        lead(valid_from_at) over (partition by launch_id, ticket_id order by change_number) as valid_to_at,

        priority
    from periods
)

select * from final
