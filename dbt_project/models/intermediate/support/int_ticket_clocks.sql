{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_tickets() }}"],
        indexes=[{'columns': ['launch_id', 'ticket_id']}, {'columns': ['state', 'to_at']}]
    )
}}

-- the hook asks for it; depends_on: {{ ref('int_ticket_changed') }}
with stretches as (
    select * from {{ ref('int_ticket_stretches') }}
),

moments as (
    select * from {{ ref('int_support_moments') }}
),

{% set clock = 'partition by stretches.launch_id, stretches.ticket_id, stretches.metric, stretches.instance_number' %}
{% set earlier = clock ~ ' order by stretches.stretch_number rows between unbounded preceding and 1 preceding' %}

final as (
    select
        stretches.launch_id,
        stretches.ticket_id,
        stretches.metric,
        stretches.instance_number,
        stretches.stretch_number,

        stretches.state,
        stretches.from_at,
        stretches.to_at,
        min(stretches.from_at) over ({{ clock }}) as started_at,

        starts.open_seconds_until as open_seconds_until_start,
        coalesce(
            sum(case when stretches.state = 'running' then ends.open_seconds_until - starts.open_seconds_until end) over ({{ earlier }}), 0
        ) as business_seconds_before,
        coalesce(
            sum(
                case when stretches.state = 'running' then {{ seconds_between('stretches.from_at', 'stretches.to_at') }} end
            ) over ({{ earlier }}), 0
        ) as calendar_seconds_before
    from stretches
    inner join moments as starts
        on stretches.launch_id = starts.launch_id
        and stretches.from_at = starts.moment_at
    left join moments as ends
        on stretches.launch_id = ends.launch_id
        and stretches.to_at = ends.moment_at
)

select * from final
