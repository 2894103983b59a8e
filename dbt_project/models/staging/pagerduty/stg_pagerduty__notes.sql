with notes as (
    select * from {{ source('raw', 'pagerduty_notes') }}
)

select
    launch_id,
    id as note_id,
    {{ json_text('record', 'incident', 'id') }} as incident_id,

    occurred_at as noted_at,

    {{ plain_text(json_text('record', 'content')) }} as content
from notes
