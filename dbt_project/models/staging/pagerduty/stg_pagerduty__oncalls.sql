with oncalls as (
    select * from {{ source('raw', 'pagerduty_oncalls') }}
),

pseudonym_key as (
    select * from {{ source('config', 'pseudonym_key') }}
),

-- a permanent duty has neither start nor end
final as (
    select
        oncalls.launch_id,
        oncalls.id as duty_id,
        {{ json_text('oncalls.record', 'escalation_policy', 'id') }} as escalation_policy_id,
        {{ pseudonym(json_text('oncalls.record', 'user', 'id'), 'pseudonym_key') }} as responder_key,

        oncalls.occurred_at as starts_at,
        {{ readable_moment(json_text('oncalls.record', 'end')) }} as ends_at,

        {{ as_whole_number(json_text('oncalls.record', 'escalation_level')) }} as escalation_level
    from oncalls
    cross join pseudonym_key
)

select * from final
where ends_at is null or starts_at is null or starts_at < ends_at
