select
    launch_id,
    funnel_id,
    funnel_name,
    period_start as entry_date,
    (period_start - launch_date)::bigint as launch_day,
    step_number,
    step_name,
    entered_count,
    reached_count,
    pending_count,
    reached_ratio
from funnel_periods
inner join launches using (launch_id)
where counting = 'uniques' and period_kind = 'day'
