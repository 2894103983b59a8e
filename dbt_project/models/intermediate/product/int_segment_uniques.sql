with segments as (
    select segments.* from {{ ref('int_segments') }} as segments
    where segments.is_known
),

members as (
    select * from {{ ref('int_user_segments') }}
),

period_dates as (
    select periods.* from {{ ref('int_period_dates') }} as periods
    where periods.source = 'mixpanel' and periods.launch_id in (select segments.launch_id from segments)
),

periods as (
    select distinct launch_id, period_kind, period_start, period_end, is_counterpart from period_dates
),

declared_scope as (
    select * from {{ ref('int_declared_scope') }}
    where is_seen
),

terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
),

-- as in int_activation_uniques: a user counts once in a period, with the first attempt that closes in it
activation as (
    select
        members.launch_id, members.segment_id, period_dates.period_kind, period_dates.period_start, period_dates.period_end,
        period_dates.is_counterpart,
        count(*) filter (where attempts.is_converted) as activated_count,
        count(*) as entered_count
    from members
    inner join {{ ref('int_event_scope') }} as event_scope on members.launch_id = event_scope.launch_id and event_scope.is_activation_seen
    inner join {{ ref('int_funnel_entries') }} as attempts
        on members.launch_id = attempts.launch_id
        and members.user_key = attempts.user_key
        and attempts.funnel_id = 'activation'
    inner join period_dates
        on attempts.launch_id = period_dates.launch_id
        and attempts.closing_date = period_dates.metric_date
        and (attempts.previous_closing_date is null or attempts.previous_closing_date < period_dates.within_start)
    group by 1, 2, 3, 4, 5, 6
),

user_measures as (
    select
        launch_id,
        measure_id,
        max(at_least) as at_least
    from {{ ref('stg_config__user_measures') }}
    group by launch_id, measure_id
),

-- as in int_user_measure_periods: users by how many of a measure's items they did within the period, and active users
users as (
    select
        period_dates.launch_id, members.segment_id, period_dates.period_kind, period_dates.period_start, period_dates.period_end,
        period_dates.is_counterpart, user_measures.measure_id, members.user_key
    from members
    inner join {{ ref('int_measured_events') }} as events on members.launch_id = events.launch_id and members.user_key = events.user_key
    inner join user_measures on events.launch_id = user_measures.launch_id and events.measure_id = user_measures.measure_id
    inner join period_dates on events.launch_id = period_dates.launch_id and events.event_date = period_dates.metric_date
    group by 1, 2, 3, 4, 5, 6, 7, 8, user_measures.at_least
    having count(distinct events.item_number) >= user_measures.at_least
    union all
    select distinct
        period_dates.launch_id, members.segment_id, period_dates.period_kind, period_dates.period_start, period_dates.period_end,
        period_dates.is_counterpart, terms.measure_id, members.user_key
    from members
    inner join terms on members.launch_id = terms.launch_id and terms.measure_id = 'period_active_users'
    inner join {{ ref('int_user_days') }} as user_days
        on members.launch_id = user_days.launch_id
        and members.user_key = user_days.user_key
    inner join period_dates on user_days.launch_id = period_dates.launch_id and user_days.activity_date = period_dates.metric_date
),

user_counts as (
    select
        launch_id, segment_id, period_kind, period_start, period_end, is_counterpart, measure_id,
        count(*) as users_count
    from users
    group by 1, 2, 3, 4, 5, 6, 7
),

-- a period in which nobody did it counts none; what nobody ever did has no rows
counted as (
    select user_measures.launch_id, user_measures.measure_id
    from user_measures
    inner join declared_scope
        on user_measures.launch_id = declared_scope.launch_id
        and user_measures.measure_id = declared_scope.measure_id
    union
    select launch_id, measure_id from terms
    where measure_id = 'period_active_users'
),

-- funnels of which every step up to the one that is asked for was ever done
funnel_measures as (
    select measures.launch_id, measures.measure_id, measures.funnel_id, measures.of_step, measures.step, measures.is_lost
    from {{ ref('stg_config__funnel_measures') }} as measures
    inner join {{ ref('int_named_events') }} as steps
        on measures.launch_id = steps.launch_id
        and measures.funnel_id = steps.funnel_id
        and measures.step >= steps.step_number
    group by 1, 2, 3, 4, 5, 6
    having bool_and(steps.is_seen)
),

-- entries whose window is closed, the first of their user in the period
entries as (
    select
        periods.*,
        members.segment_id,
        entries.funnel_id,
        entries.reached_step_number
    from members
    inner join {{ ref('int_funnel_entries') }} as entries
        on members.launch_id = entries.launch_id
        and members.user_key = entries.user_key
    inner join {{ ref('stg_config__launches') }} as launches on entries.launch_id = launches.launch_id
    inner join {{ ref('int_data_end') }} as data_end
        on entries.launch_id = data_end.launch_id
        and data_end.source = 'mixpanel'
        and data_end.data_end_date >= {{ local_date(add_seconds('entries.closes_at', '-0.000001'), 'launches.timezone') }}
    inner join periods
        on entries.launch_id = periods.launch_id
        and entries.entry_date between periods.period_start and periods.period_end
        and (entries.previous_entry_date is null or entries.previous_entry_date < periods.period_start)
        and not periods.is_counterpart
),

funnels as (
    select
        periods.launch_id, segments.segment_id, periods.period_kind, periods.period_start, periods.period_end, periods.is_counterpart,
        funnel_measures.measure_id,
        funnel_measures.is_lost,
        count(case when entries.reached_step_number >= funnel_measures.of_step then 1 end) as of_count,
        count(case when entries.reached_step_number >= funnel_measures.step then 1 end) as reached_count
    from periods
    inner join segments on periods.launch_id = segments.launch_id
    inner join funnel_measures on periods.launch_id = funnel_measures.launch_id
    left join entries
        on periods.launch_id = entries.launch_id
        and segments.segment_id = entries.segment_id
        and funnel_measures.funnel_id = entries.funnel_id
        and periods.period_kind = entries.period_kind
        and periods.period_start = entries.period_start
        and periods.period_end = entries.period_end
    where not periods.is_counterpart
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

funnel_counts as (
    select
        *,
        case when is_lost then of_count - reached_count else reached_count end as good_count
    from funnels
),

final as (
    select
        activation.launch_id, activation.segment_id, columns.measure_id, activation.period_kind, activation.period_start,
        activation.period_end, activation.is_counterpart, columns.value
    from activation
    {{ each_column('activation', {'activated_count': 'activated', 'entered_count': 'activation_entries'}, 'columns') }}
    union all
    select
        periods.launch_id, segments.segment_id, counted.measure_id, periods.period_kind, periods.period_start,
        periods.period_end, periods.is_counterpart, {{ as_double('coalesce(user_counts.users_count, 0)') }} as value
    from periods
    inner join segments on periods.launch_id = segments.launch_id
    inner join counted on periods.launch_id = counted.launch_id
    left join user_counts
        on periods.launch_id = user_counts.launch_id
        and segments.segment_id = user_counts.segment_id
        and counted.measure_id = user_counts.measure_id
        and periods.period_kind = user_counts.period_kind
        and periods.period_start = user_counts.period_start
        and periods.period_end = user_counts.period_end
        and periods.is_counterpart = user_counts.is_counterpart
    union all
    select
        funnel_counts.launch_id, funnel_counts.segment_id, funnel_counts.measure_id || columns.measure_id as measure_id,
        funnel_counts.period_kind, funnel_counts.period_start, funnel_counts.period_end, funnel_counts.is_counterpart, columns.value
    from funnel_counts
    {{ each_column('funnel_counts', {'good_count': '.good', 'of_count': '.of'}, 'columns') }}
)

select
    launch_id,
    segment_id,
    measure_id,
    period_kind,
    period_start,
    period_end,
    is_counterpart,
    value
from final
