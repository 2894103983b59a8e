with log_entries as (
    select * from {{ source('raw', 'pagerduty_log_entries') }}
),

final as (
    select
        launch_id,
        id as log_entry_id,
        {{ json_text('record', 'incident', 'id') }} as incident_id,

        occurred_at,

        {{ json_text('record', 'type') }} as entry_type
    from log_entries
)

select * from final
