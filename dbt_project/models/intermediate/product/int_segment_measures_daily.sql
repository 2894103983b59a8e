{%- set retention_days = [1, 7, 30] %}

with segments as (
    select segments.* from {{ ref('int_segments') }} as segments
    where segments.is_known
),

members as (
    select * from {{ ref('int_user_segments') }}
),

covered_dates as (
    select
        covered.launch_id,
        covered.metric_date,
        segments.segment_id
    from {{ ref('int_covered_dates') }} as covered
    inner join segments on covered.launch_id = segments.launch_id
    where covered.source = 'mixpanel'
),

event_scope as (
    select * from {{ ref('int_event_scope') }}
),

declared_scope as (
    select * from {{ ref('int_declared_scope') }}
    where is_seen
),

event_measures as (
    select
        launch_id,
        measure_id,
        aggregate,
        max(user_day) as user_day
    from {{ ref('stg_config__event_measures') }}
    where aggregate <> 'buckets'
    group by launch_id, measure_id, aggregate
),

user_days as (
    select
        user_days.*,
        members.segment_id
    from members
    inner join {{ ref('int_user_days') }} as user_days
        on members.launch_id = user_days.launch_id
        and members.user_key = user_days.user_key
),

active as (
    select
        launch_id,
        segment_id,
        activity_date as metric_date,
        count(*) as active_users,
        count(case when activity_number = 1 then 1 end) as new_users
    from user_days
    group by launch_id, segment_id, activity_date
),

-- as in int_active_windows: one arrival and one departure an active day
changes as (
    {% for days in [7, 30] %}
    {%- set pause %}least(coalesce({{ days_between('previous_activity_date', 'activity_date') }}, 30), 30){% endset %}
    select
        launch_id,
        segment_id,
        {{ add_days('activity_date', 'greatest(' ~ days ~ ' - ' ~ pause ~ ', 0)') }} as metric_date,
        {{ 1 if days == 7 else 0 }} as users_7d_change,
        {{ 1 if days == 30 else 0 }} as users_30d_change,
        false as is_covered
    from user_days
    union all
    select
        launch_id,
        segment_id,
        {{ add_days('activity_date', days) }} as metric_date,
        {{ -1 if days == 7 else 0 }} as users_7d_change,
        {{ -1 if days == 30 else 0 }} as users_30d_change,
        false as is_covered
    from user_days
    union all
    {% endfor %}
    select launch_id, segment_id, metric_date, 0 as users_7d_change, 0 as users_30d_change, true as is_covered from covered_dates
),

windows as (
    select
        launch_id,
        segment_id,
        metric_date,
        bool_or(is_covered) as is_covered,
        sum(sum(users_7d_change)) over segment_history as active_users_7d,
        sum(sum(users_30d_change)) over segment_history as active_users_30d
    from changes
    group by launch_id, segment_id, metric_date
    window segment_history as (partition by launch_id, segment_id order by metric_date)
),

users as (
    select
        covered_dates.launch_id,
        covered_dates.segment_id,
        covered_dates.metric_date,
        case when event_scope.is_activity_seen then coalesce(active.active_users, 0) end as active_users,
        case when event_scope.is_beginning_seen then coalesce(active.new_users, 0) end as new_users,
        case when event_scope.is_activity_seen then windows.active_users_7d end as active_users_7d,
        case when event_scope.is_activity_seen then windows.active_users_30d end as active_users_30d
    from covered_dates
    inner join event_scope on covered_dates.launch_id = event_scope.launch_id
    inner join windows
        on covered_dates.launch_id = windows.launch_id
        and covered_dates.segment_id = windows.segment_id
        and covered_dates.metric_date = windows.metric_date
        and windows.is_covered
    left join active
        on covered_dates.launch_id = active.launch_id
        and covered_dates.segment_id = active.segment_id
        and covered_dates.metric_date = active.metric_date
),

cohorts as (
    select
        launch_id,
        segment_id,
        first_date,
        activity_date,
        count(*) as users_count
    from user_days
    where
        first_date is not null
        and {{ days_between('first_date', 'activity_date') }} in (0, {{ retention_days | join(', ') }})
    group by launch_id, segment_id, first_date, activity_date
),

-- dated by the day on which it is observed; everybody is active on the day on which they begin
retention as (
    {% for number in retention_days %}
    select
        covered_dates.launch_id,
        covered_dates.segment_id,
        covered_dates.metric_date,
        '{{ number }}' as retention_day,
        coalesce(returned.users_count, 0) as retained_users,
        begun.users_count as cohort_users
    from covered_dates
    inner join event_scope on covered_dates.launch_id = event_scope.launch_id and event_scope.is_activity_seen
    inner join cohorts as begun
        on covered_dates.launch_id = begun.launch_id
        and covered_dates.segment_id = begun.segment_id
        and begun.first_date = {{ add_days('covered_dates.metric_date', -number) }}
        and begun.activity_date = begun.first_date
    left join cohorts as returned
        on begun.launch_id = returned.launch_id
        and begun.segment_id = returned.segment_id
        and begun.first_date = returned.first_date
        and covered_dates.metric_date = returned.activity_date
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

beginnings as (
    select
        launch_id,
        user_key,
        min(first_date) as first_date
    from user_days
    group by launch_id, user_key
),

event_days as (
    select
        events.launch_id,
        members.segment_id,
        events.measure_id,
        events.event_date,
        sum(events.events_count) as events_count,
        sum(events.numbers_count) as numbers_count,
        {{ exact_sum('events.number_sum') }} as number_sum
    from members
    inner join {{ ref('int_measured_events') }} as events on members.launch_id = events.launch_id and members.user_key = events.user_key
    inner join event_measures on events.launch_id = event_measures.launch_id and events.measure_id = event_measures.measure_id
    left join beginnings on events.launch_id = beginnings.launch_id and events.user_key = beginnings.user_key
    where
        event_measures.user_day is null
        or {{ days_between('beginnings.first_date', 'events.event_date') }} = event_measures.user_day
    group by events.launch_id, members.segment_id, events.measure_id, events.event_date
),

events as (
    select
        covered_dates.launch_id,
        covered_dates.segment_id,
        event_measures.measure_id,
        covered_dates.metric_date,
        case event_measures.aggregate
            when 'count' then event_days.events_count
            when 'numbers' then event_days.numbers_count
            else event_days.number_sum
        end as value
    from covered_dates
    inner join event_measures on covered_dates.launch_id = event_measures.launch_id
    inner join declared_scope
        on event_measures.launch_id = declared_scope.launch_id
        and event_measures.measure_id = declared_scope.measure_id
    left join event_days
        on covered_dates.launch_id = event_days.launch_id
        and covered_dates.segment_id = event_days.segment_id
        and event_measures.measure_id = event_days.measure_id
        and covered_dates.metric_date = event_days.event_date
),

outcomes as (
    select outcome_days.*
    from {{ ref('int_outcome_days') }} as outcome_days
    inner join declared_scope
        on outcome_days.launch_id = declared_scope.launch_id
        and outcome_days.measure_id = declared_scope.measure_id
    where outcome_days.segment_id <> ''
)

select users.launch_id, users.segment_id, columns.measure_id, '' as subject_id, users.metric_date, columns.value
from users
{{
    each_column(
        'users',
        {
            'active_users': 'active_users',
            'active_users_7d': 'active_users_7d',
            'active_users_30d': 'active_users_30d',
            'new_users': 'new_users',
        },
        'columns'
    )
}}
union all
select
    retention.launch_id,
    retention.segment_id,
    columns.measure_id,
    retention.retention_day as subject_id,
    retention.metric_date,
    columns.value
from retention
{{ each_column('retention', {'retained_users': 'retained_users', 'cohort_users': 'cohort_users'}, 'columns') }}
union all
select launch_id, segment_id, measure_id, '' as subject_id, metric_date, {{ as_double('coalesce(value, 0)') }} as value
from events
union all
select
    outcomes.launch_id,
    outcomes.segment_id,
    outcomes.measure_id || columns.measure_id as measure_id,
    '' as subject_id,
    outcomes.metric_date,
    columns.value
from outcomes
{{ each_column('outcomes', {'reached_count': '.reached', 'of_count': '.of'}, 'columns') }}
union all
select launch_id, segment_id, measure_id, '' as subject_id, period_start as metric_date, value
from {{ ref('int_segment_uniques') }}
where period_kind = 'day' and not is_counterpart
