with organizations as (
    select * from {{ source('raw', 'zendesk_organizations') }}
),

final as (
    select
        launch_id,
        id as organization_id,
        lower({{ plain_text(json_text('record', 'name')) }}) as organization_key,
        {{ json_value('record', 'tags') }} as organization_tags
    from organizations
    where {{ json_text('record', 'deleted_at') }} is null
)

select * from final
