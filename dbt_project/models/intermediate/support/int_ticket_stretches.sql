with marks as (
    select * from {{ ref('int_ticket_marks') }}
),

{% set clock = 'partition by launch_id, ticket_id, metric, instance_number' %}
{% set in_order = clock ~ ' order by marked_at, order_instance, order_end, order_number' %}
{% set before = in_order ~ ' rows between unbounded preceding and 1 preceding' %}

-- a clock begins to be one when it first runs
started as (
    select
        *,
        sum(case when state = 'running' then 1 else 0 end) over ({{ in_order }} rows unbounded preceding) as started_count
    from marks
),

followed as (
    select
        *,
        lag(state) over ({{ in_order }}) as previous_state,
        sum(case when state = 'ended' then 1 else 0 end) over ({{ before }}) as ended_count
    from started
    where started_count > 0
),

-- what does not add up is over at its first end
final as (
    select
        launch_id,
        ticket_id,
        metric,
        instance_number,
        row_number() over ({{ in_order }}) as stretch_number,

        state,
        marked_at as from_at,
        lead(marked_at) over ({{ in_order }}) as to_at
    from followed
    where state is distinct from previous_state and (adds_up or coalesce(ended_count, 0) = 0)
)

select * from final
