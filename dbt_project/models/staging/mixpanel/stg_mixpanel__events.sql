with raw_events as (
    select * from {{ source('raw', 'mixpanel_events') }}
),

pseudonym_key as (
    select * from {{ source('config', 'pseudonym_key') }}
),

identities as (
    select * from {{ source('ops', 'identities') }}
),

-- A device is `$device:<id>`, also where an event carries the bare device id as its distinct_id (as in marts/identities.py).
events as (
    select
        raw_events.*,
        case
            when raw_events.distinct_id = {{ json_text('raw_events.properties', '$device_id') }} then '$device:' || raw_events.distinct_id
            else nullif(raw_events.distinct_id, '')
        end as own_id
    from raw_events
),

keyed as (
    select
        events.*,
        {{ pseudonym('events.own_id', 'pseudonym_key') }} as id_key
    from events
    cross join pseudonym_key
)

select
    keyed.launch_id,
    keyed.id_key,
    coalesce(identities.user_key, keyed.id_key) as user_key,
    keyed.event_name,
    keyed.event_date,
    keyed.occurred_at,
    coalesce(keyed.source_order, 0) as source_order,
    keyed.properties
from keyed
left join identities on keyed.launch_id = identities.launch_id and keyed.id_key = identities.id_key
