{{ config(pre_hook="{{ read_by_index() }}") }}

with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
    where {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

metric_events as (
    select
        *,
        {{ sla_metric('metric', 'instance_number') }} as sla_metric
    from {{ ref('stg_zendesk__ticket_metric_events') }}
    where event_type in ('activate', 'pause', 'fulfill') and {{ is_changed_ticket('launch_id', 'ticket_id') }}
),

status_changes as (
    select * from {{ ref('int_ticket_status_changes') }}
),

promised as (
    select distinct launch_id, metric from {{ ref('stg_config__sla_targets') }}
),

-- replies and updates are clocks of their own each time; waits and work add up over all instances
told as (
    select
        metric_events.*,
        metric_events.sla_metric in ('requester_wait', 'agent_work') as adds_up,
        min(case when metric_events.event_type = 'activate' then metric_events.occurred_at end) over (
            partition by metric_events.launch_id, metric_events.ticket_id, metric_events.metric, metric_events.instance_number
        ) as activated_at
    from metric_events
    left join promised
        on metric_events.launch_id = promised.launch_id
        and metric_events.sla_metric = promised.metric
    where metric_events.sla_metric = 'first_reply' or promised.metric is not null
),

clocks as (
    select
        launch_id,
        ticket_id,
        sla_metric,
        adds_up,
        case when adds_up then 1 else instance_number end as clock_number,
        min(activated_at) as activated_at
    from told
    group by launch_id, ticket_id, sla_metric, adds_up, case when adds_up then 1 else instance_number end
),

closings as (
    select
        status_changes.*,
        coalesce(
            lead(changed_at) over (partition by launch_id, ticket_id order by change_number) = changed_at, false
        ) as is_undone_at_once
    from status_changes
),

marks as (
    -- an end that is told before its beginning is an end at the beginning
    select
        launch_id, ticket_id, sla_metric as metric, case when adds_up then 1 else instance_number end as instance_number, adds_up,
        case when event_type = 'fulfill' and not adds_up and occurred_at < activated_at then activated_at else occurred_at end as marked_at,
        case event_type when 'activate' then 'running' when 'pause' then 'paused' else 'ended' end as state,
        case when adds_up then instance_number else 0 end as order_instance,
        case when event_type = 'fulfill' then 1 else 0 end as order_end,
        metric_event_number as order_number
    from told

    union all

    -- whoever waits for a reply or an update waits no more when the ticket is solved: the first solution after the start ends such a clock
    select
        clocks.launch_id, clocks.ticket_id, clocks.sla_metric as metric, clocks.clock_number as instance_number, clocks.adds_up,
        closings.changed_at as marked_at, 'ended' as state,
        case when clocks.adds_up then closings.instance_number else 0 end as order_instance,
        1 as order_end, {{ last_instance() }} as order_number
    from clocks
    inner join closings
        on clocks.launch_id = closings.launch_id
        and clocks.ticket_id = closings.ticket_id
    where
        closings.is_solution
        and (
            clocks.adds_up
            or closings.changed_at > clocks.activated_at
            or (closings.changed_at = clocks.activated_at and (clocks.sla_metric = 'first_reply' or not closings.is_undone_at_once))
        )

    union all

    select
        launch_id, ticket_id, 'resolution' as metric, 1 as instance_number, true as adds_up,
        created_at as marked_at, 'running' as state,
        0 as order_instance, 0 as order_end, 0 as order_number
    from tickets

    union all

    select
        tickets.launch_id, tickets.ticket_id, 'resolution' as metric, 1 as instance_number, true as adds_up,
        status_changes.changed_at as marked_at, case when status_changes.is_solution then 'ended' else 'running' end as state,
        1 as order_instance, 0 as order_end, status_changes.change_number as order_number
    from status_changes
    inner join tickets
        on status_changes.launch_id = tickets.launch_id
        and status_changes.ticket_id = tickets.ticket_id
),

final as (
    select marks.*
    from marks
    inner join tickets
        on marks.launch_id = tickets.launch_id
        and marks.ticket_id = tickets.ticket_id
)

select * from final
