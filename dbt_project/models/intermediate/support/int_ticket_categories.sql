{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_tickets() }}"],
        indexes=[{'columns': ['launch_id', 'ticket_id']}]
    )
}}

with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
    where {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

records as (
    select * from {{ source('raw', 'zendesk_tickets') }}
    where {{ is_changed_ticket('launch_id', 'id') }}
),

category_tags as (
    select * from {{ ref('stg_config__ticket_category_tags') }}
),

-- all tags of a ticket are read here, and only what a launch file names leaves
matched as (
    select distinct
        records.launch_id,
        records.id as ticket_id,
        category_tags.category_id
    from records
    {{ each_in_list('records.record', 'tags', 'tag') }}
    inner join category_tags
        on records.launch_id = category_tags.launch_id
        and lower({{ json_text('tag.record') }}) = category_tags.tag
),

final as (
    select
        tickets.launch_id,
        tickets.ticket_id,
        coalesce(matched.category_id, 'none') as category_id
    from tickets
    left join matched
        on tickets.launch_id = matched.launch_id
        and tickets.ticket_id = matched.ticket_id
    where tickets.launch_id in (select category_tags.launch_id from category_tags)
)

select * from final
