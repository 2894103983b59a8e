with moves as (
    select launch_id, created_at as moved_at, priority, 1 as opened, 0 as solved from tickets
    union all
    select launch_id, solved_at, priority, 0, 1 from tickets
    where solved_at is not null
),

dated as (
    select
        moves.launch_id, timezone(launches.timezone, moves.moved_at)::date as metric_date, moves.priority, moves.opened, moves.solved
    from moves
    inner join launches using (launch_id)
    union all
    select launch_id, metric_date, unnest(['urgent', 'high', 'normal', 'low', 'none']), 0, 0
    from covered_dates
    where source = 'zendesk'
),

days as (
    select
        launch_id, metric_date, priority, sum(opened)::bigint as opened_count, sum(solved)::bigint as solved_count,
        sum(sum(opened - solved)) over (partition by launch_id, priority order by metric_date) as backlog_count
    from dated
    group by launch_id, metric_date, priority
)

select
    launch_id,
    metric_date,
    covered_dates.launch_day,
    days.priority,
    days.opened_count,
    days.solved_count,
    0::bigint as reopened_count,
    days.backlog_count::bigint as backlog_count
from days
inner join covered_dates using (launch_id, metric_date)
where covered_dates.source = 'zendesk'
