select
    launch_id,
    metric_date,
    launch_day,
    metric,
    priority,
    count(*) as started_count,
    count(*) filter (where target_seconds is not null and not is_running and not is_breached) as attained_count,
    count(*) filter (where is_breached) as breached_count,
    count(*) filter (where is_running and not is_breached) as running_count,
    coalesce(sum(elapsed_business_seconds) filter (where not is_running), 0) as elapsed_business_seconds_sum,
    count(ended_at) as ended_count
from ticket_sla
group by all
