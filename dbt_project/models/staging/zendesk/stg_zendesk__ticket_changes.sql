with ticket_events as (
    select * from {{ source('raw', 'zendesk_ticket_events') }}
),

children as (
    select
        ticket_events.launch_id,
        {{ json_text('ticket_events.record', 'ticket_id') }} as ticket_id,
        ticket_events.occurred_at,
        {{ as_whole_number('ticket_events.id') }} as ticket_event_number,
        child.position,
        child.record as child
    from ticket_events
    {{ each_in_list('ticket_events.record', 'child_events', 'child') }}
),

final as (
    select
        launch_id,
        ticket_id,

        occurred_at as changed_at,
        ticket_event_number,
        position as child_number,

        {{ json_text('child', 'event_type') }} = 'Create' as is_creation,
        {{ json_has('child', 'priority') }} as is_priority_change,
        lower({{ json_text('child', 'status') }}) as status,
        {{ ticket_priority(json_text('child', 'priority')) }} as priority,
        {{ ticket_priority(json_text('child', 'previous_value')) }} as previous_priority
    from children
    where {{ json_text('child', 'event_type') }} in ('Create', 'Change')
)

select * from final
where is_priority_change or status is not null
