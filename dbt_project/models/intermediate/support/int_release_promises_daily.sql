with tickets as (
    select * from {{ ref('ticket_releases') }}
)

select
    launch_id,
    metric_date,
    count(case when status = 'in_time' then 1 end) as in_time_count,
    count(case when status in ('late', 'missed') then 1 end) as late_count
from tickets
group by launch_id, metric_date
