with tickets as (
    select * from {{ source('raw', 'zendesk_tickets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- as in sources/zendesk/extract.py; a ticket of another brand may have come before the launch file named one
own as (
    select tickets.*
    from tickets
    inner join launches on tickets.launch_id = launches.launch_id
    where {{ json_text('tickets.record', 'brand_id') }} = launches.zendesk_brand_id
        or {{ json_text('tickets.record', 'brand_id') }} is null
        or launches.zendesk_brand_id is null
),

renamed as (
    select
        launch_id,
        id as ticket_id,
        {{ json_text('record', 'organization_id') }} as organization_id,
        {{ ticket_priority(json_text('record', 'priority')) }} as priority,
        lower({{ json_text('record', 'status') }}) as status,
        occurred_at as created_at,
        {{ as_moment(json_text('record', 'metric_set', 'solved_at')) }} as last_solved_at,
        coalesce(
            {{ as_moment(json_text('record', 'metric_set', 'status_updated_at')) }},
            {{ as_moment(json_text('record', 'updated_at')) }},
            version_at
        ) as status_seen_at,
        -- a follow-up of a merged ticket inherits its tags
        {{ json_holds(json_value('record', 'tags'), "'closed_by_merge'") }}
        and coalesce({{ json_text('record', 'via', 'source', 'rel') }}, '') <> 'follow_up' as has_merge_tag
    from own
),

final as (
    select
        launch_id,
        ticket_id,
        organization_id,

        created_at,
        -- a reopened ticket keeps the moment of its former solution, but is not solved
        case when status in ('solved', 'closed') then last_solved_at end as solved_at,
        case when status in ('solved', 'closed') then status_seen_at end as solved_by_at,

        priority,
        status
    from renamed
    where status <> 'deleted' and not (status = 'closed' and has_merge_tag)
)

select * from final
