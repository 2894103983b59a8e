with change_events as (
    select * from {{ source('raw', 'pagerduty_change_events') }}
),

deployment_keys as (
    select * from {{ ref('stg_config__deployment_keys') }}
),

-- of the custom details, which may say anything, only what the launch file names is read
told as (
    select
        change_events.launch_id,
        change_events.id as deployment_id,
        {{ json_text('change_events.record', 'services', '0', 'id') }} as service_id,
        {{ plain_text(json_text('change_events.record', 'services', '0', 'summary')) }} as service_name,

        change_events.occurred_at as deployed_at,
        {{ readable_moment(json_key('change_events.record', 'deployment_keys.identified_at_key', 'custom_details')) }} as identified_at,

        nullif({{ plain_text(json_key('change_events.record', 'deployment_keys.version_key', 'custom_details')) }}, '') as version,
        lower({{ plain_text(json_key('change_events.record', 'deployment_keys.kind_key', 'custom_details')) }}) as kind,
        lower({{ plain_text(json_key('change_events.record', 'deployment_keys.result_key', 'custom_details')) }}) as result
    from change_events
    inner join deployment_keys on change_events.launch_id = deployment_keys.launch_id
),

final as (
    select
        launch_id,
        deployment_id,
        service_id,
        service_name,

        deployed_at,
        case when identified_at <= deployed_at then identified_at end as identified_at,

        left(version, 100) as version,
        coalesce(kind = 'hotfix', false) as is_hotfix,
        case
            when result in ('success', 'succeeded', 'passed', 'ok') then true
            when result in ('failure', 'failed', 'error') then false
        end as is_successful
    from told
    where version is not null
)

select * from final
