-- Both clocks of each ticket as they stand at the end of the data.
with ends as (
    select launch_id, max(day_end_at) as data_end_at from covered_dates
    where source = 'zendesk'
    group by all
),

clocks as (
    select
        tickets.launch_id, tickets.ticket_id, tickets.priority, tickets.created_at as started_at, ends.data_end_at,
        unnest(['first_reply', 'resolution']) as metric,
        unnest([replied_at, solved_at]) as told_at,
        if(told_at < data_end_at, told_at, null) as ended_at,
        extract(epoch from coalesce(ended_at, data_end_at) - started_at)::double as elapsed_seconds
    from tickets
    inner join ends using (launch_id)
    where tickets.created_at < ends.data_end_at
)

select
    clocks.launch_id,
    clocks.ticket_id,
    clocks.metric,
    1::bigint as instance_number,
    timezone(launches.timezone, clocks.started_at)::date as metric_date,
    (timezone(launches.timezone, clocks.started_at)::date - launches.launch_date)::bigint as launch_day,
    clocks.priority,
    clocks.started_at,
    clocks.ended_at,
    clocks.ended_at is null as is_running,
    false as is_paused,
    sla_targets.target_seconds,
    clocks.elapsed_seconds as elapsed_business_seconds,
    clocks.elapsed_seconds as elapsed_calendar_seconds,
    coalesce(clocks.elapsed_seconds > sla_targets.target_seconds, false) as is_breached,
    if(clocks.ended_at is null, sla_targets.target_seconds - clocks.elapsed_seconds, null) as due_seconds_left
from clocks
inner join launches using (launch_id)
left join sla_targets using (launch_id, metric, priority)
