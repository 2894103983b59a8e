with log_entries as (
    select * from {{ ref('stg_pagerduty__log_entries') }}
    where entry_type = 'notify_log_entry' and responder_key is not null
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- whoever is notified of an incident again and again is interrupted by it once
firsts as (
    select
        launch_id,
        incident_id,
        responder_key,
        min(occurred_at) as interrupted_at
    from log_entries
    group by launch_id, incident_id, responder_key
),

final as (
    select
        firsts.*,
        {{ local_date('firsts.interrupted_at', 'launches.timezone') }} as metric_date,
        {{ clock_seconds('firsts.interrupted_at', 'launches.timezone') }} as clock_seconds
    from firsts
    inner join launches on firsts.launch_id = launches.launch_id
)

select
    launch_id,
    incident_id,
    responder_key,
    interrupted_at,
    metric_date,
    clock_seconds < 28800 or clock_seconds >= 79200 as is_asleep
from final
