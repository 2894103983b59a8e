-- Entries of a period by the last step that they reached; then each step counts those that went as far or farther.
with ends as (
    select launch_id, max(metric_date) as last_date, max(day_end_at) as data_end_at from covered_dates
    where source = 'mixpanel'
    group by all
),

kinds as (
    select unnest(['day', 'week', 'month', 'quarter']) as period_kind
),

reached as (
    select
        entries.launch_id, entries.funnel_id, kinds.period_kind, date_trunc(kinds.period_kind, entries.entry_date)::date as period_start,
        entries.reached_step_number, entries.closes_at > ends.data_end_at as is_open,
        count(*) filter (
            where entries.previous_entry_date is null or entries.previous_entry_date < date_trunc(kinds.period_kind, entries.entry_date)
        ) as uniques,
        count(*) filter (where entries.is_total) as totals
    from funnel_entries as entries
    inner join ends using (launch_id), kinds
    group by all
),

periods as (
    select distinct launch_id, period_kind, date_trunc(period_kind, metric_date)::date as period_start
    from covered_dates, kinds
    where source = 'mixpanel'
),

counts as (
    select
        periods.launch_id, steps.funnel_id, steps.funnel_name, periods.period_kind, periods.period_start,
        steps.step_number, steps.event_name as step_name, counting,
        coalesce(sum(if(counting = 'uniques', uniques, totals)), 0)::bigint as entered_count,
        coalesce(sum(if(counting = 'uniques', uniques, totals)) filter (where reached_step_number >= step_number), 0)::bigint
            as reached_count,
        coalesce(sum(if(counting = 'uniques', uniques, totals)) filter (where reached_step_number < step_number and is_open), 0)::bigint
            as pending_count
    from periods
    inner join funnel_steps as steps using (launch_id)
    cross join unnest(['uniques', 'totals']) as countings (counting)
    left join reached
        on periods.launch_id = reached.launch_id
        and steps.funnel_id = reached.funnel_id
        and periods.period_kind = reached.period_kind
        and periods.period_start = reached.period_start
    group by all
)

select
    launch_id,
    funnel_id,
    funnel_name,
    counting,
    period_kind,
    period_start,
    (period_start + (if(period_kind = 'quarter', '3 month', '1 ' || period_kind))::interval - interval 1 day)::date as period_end,
    step_number,
    step_name,
    entered_count,
    reached_count,
    pending_count,
    reached_count / nullif(entered_count, 0) as reached_ratio,
    period_end <= last_date as is_complete
from counts
inner join ends using (launch_id)
