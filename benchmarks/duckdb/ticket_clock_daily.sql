-- Every promised clock at the end of each date on which it was open.
select
    clocks.launch_id,
    days.metric_date,
    days.launch_day,
    clocks.ticket_id,
    clocks.metric,
    clocks.instance_number,
    clocks.priority,
    clocks.started_at,
    clocks.is_paused,
    clocks.target_seconds,
    extract(epoch from days.day_end_at - clocks.started_at)::double as elapsed_seconds,
    elapsed_seconds as elapsed_business_seconds,
    elapsed_seconds as elapsed_calendar_seconds,
    elapsed_seconds > clocks.target_seconds as is_breached,
    clocks.target_seconds - elapsed_seconds as due_seconds_left,
    86400::double as support_day_seconds
from ticket_sla as clocks
inner join covered_dates as days
    on clocks.launch_id = days.launch_id
    and clocks.started_at < days.day_end_at
    and (clocks.ended_at is null or clocks.ended_at >= days.day_end_at)
where days.source = 'zendesk' and clocks.target_seconds is not null
