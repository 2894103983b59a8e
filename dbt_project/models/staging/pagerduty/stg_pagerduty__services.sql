with services as (
    select * from {{ source('raw', 'pagerduty_services') }}
),

final as (
    select
        launch_id,
        id as service_id,
        {{ json_text('record', 'escalation_policy', 'id') }} as escalation_policy_id,

        {{ plain_text('coalesce(' ~ json_text('record', 'name') ~ ', ' ~ json_text('record', 'summary') ~ ')') }} as service_name
    from services
)

select * from final
