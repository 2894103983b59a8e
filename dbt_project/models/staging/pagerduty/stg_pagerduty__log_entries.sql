with log_entries as (
    select * from {{ source('raw', 'pagerduty_log_entries') }}
),

pseudonym_key as (
    select * from {{ source('config', 'pseudonym_key') }}
),

final as (
    select
        log_entries.launch_id,
        log_entries.id as log_entry_id,
        {{ json_text('log_entries.record', 'incident', 'id') }} as incident_id,
        {{ pseudonym(json_text('log_entries.record', 'user', 'id'), 'pseudonym_key') }} as responder_key,

        log_entries.occurred_at,

        {{ json_text('log_entries.record', 'type') }} as entry_type
    from log_entries
    cross join pseudonym_key
)

select * from final
