-- Users of a cohort by the period in which they were active, each once: on the first of their active dates in it.
with activity as (
    select
        launch_id,
        period_kind,
        if(period_kind = 'day', 1, 7) as period_days,
        date_trunc(period_kind, first_date)::date as cohort_date,
        date_trunc(period_kind, activity_date)::date as period_date,
        count(*) as retained_count
    from user_days, unnest(['day', 'week']) as kinds (period_kind)
    where previous_date is null or previous_date < date_trunc(period_kind, activity_date)
    group by all
),

cohorts as (
    select *, retained_count as cohort_size_count from activity
    where period_date = cohort_date
),

ends as (
    select launch_id, max(metric_date) as last_date from covered_dates
    where source = 'mixpanel'
    group by all
),

-- every period that has begun: days to 90, and all weeks
periods as (
    select
        cohorts.launch_id, cohorts.period_kind, cohorts.period_days, cohorts.cohort_date, cohorts.cohort_size_count, ends.last_date,
        period_number, (cohorts.cohort_date + (period_number * cohorts.period_days)::integer) as period_date
    from cohorts
    inner join ends using (launch_id),
    unnest(range((last_date - cohort_date) // period_days + 1)) as numbers (period_number)
    where period_kind = 'week' or period_number <= 90
)

select
    periods.launch_id,
    periods.period_kind,
    periods.cohort_date,
    periods.period_number,
    if(periods.period_kind = 'day', 'on day ', 'in week ') || periods.period_number as period_name,
    periods.cohort_size_count,
    coalesce(activity.retained_count, 0) as retained_count,
    periods.period_date + periods.period_days - 1 <= periods.last_date as is_complete,
    coalesce(activity.retained_count, 0) / periods.cohort_size_count as retained_ratio
from periods
left join activity using (launch_id, period_kind, cohort_date, period_date)
