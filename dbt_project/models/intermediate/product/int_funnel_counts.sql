with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

-- From a step that no user ever did nothing is known of the funnel.
funnel_steps as (
    select
        funnel_steps.*,
        bool_and(named_events.is_seen) over (
            partition by funnel_steps.launch_id, funnel_steps.funnel_id order by funnel_steps.step_number
        ) as is_seen,
        bool_or(named_events.is_seen and funnel_steps.step_number = 1) over (
            partition by funnel_steps.launch_id, funnel_steps.funnel_id
        ) as is_entry_seen
    from {{ ref('stg_config__funnel_steps') }} as funnel_steps
    inner join {{ ref('int_named_events') }} as named_events
        on funnel_steps.launch_id = named_events.launch_id
        and funnel_steps.funnel_id = named_events.funnel_id
        and funnel_steps.step_number = named_events.step_number
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
),

funnel_days as (
    select
        funnel_days.*,
        funnel_days.last_open_date > data_end.data_end_date as is_open
    from {{ ref('int_funnel_days') }} as funnel_days
    inner join data_end on funnel_days.launch_id = data_end.launch_id
),

phases as (
    select distinct launch_id, period_start, period_end from {{ ref('int_period_dates') }}
    where source = 'mixpanel' and period_kind = 'phase'
),

-- Entries by the last step that they reached, then every step counts those that went as far or farther.
ends as (
    {% for kind in calendar_periods() %}
    {% for counting, count in [('uniques', 'uniques_of_' ~ kind ~ '_count'), ('totals', 'totals_count')] %}
    select
        launch_id, funnel_id, '{{ counting }}' as counting, '{{ kind }}' as period_kind,
        {{ period_start(kind, 'entry_date') }} as period_start, {{ period_end(kind, 'entry_date') }} as period_end, reached_step_number,
        sum({{ count }}) as entries_count,
        sum(case when is_open then {{ count }} else 0 end) as open_count
    from funnel_days
    group by 1, 2, 3, 4, 5, 6, 7
    union all
    {% endfor %}
    {% endfor %}
    select
        phase_days.launch_id, phase_days.funnel_id, 'uniques' as counting, 'phase' as period_kind,
        phases.period_start, phases.period_end, phase_days.reached_step_number,
        sum(phase_days.uniques_count) as entries_count,
        sum(case when phase_days.last_open_date > data_end.data_end_date then phase_days.uniques_count else 0 end) as open_count
    from phases
    inner join {{ ref('int_funnel_phase_days') }} as phase_days
        on phases.launch_id = phase_days.launch_id
        and phases.period_start = phase_days.period_start
        and phases.period_end >= phase_days.entry_date
    inner join data_end on phase_days.launch_id = data_end.launch_id
    group by 1, 2, 3, 4, 5, 6, 7
),

periods as (
    {% for kind in calendar_periods() %}
    select distinct
        launch_id, '{{ kind }}' as period_kind, {{ period_start(kind, 'metric_date') }} as period_start,
        {{ period_end(kind, 'metric_date') }} as period_end
    from covered_dates
    union all
    {% endfor %}
    select launch_id, 'phase' as period_kind, period_start, period_end from phases
),

countings as (
    select 'uniques' as counting
    union all
    select 'totals' as counting
),

final as (
    select
        periods.launch_id,
        funnel_steps.funnel_id,
        funnel_steps.funnel_name,
        countings.counting,
        periods.period_kind,
        periods.period_start,
        periods.period_end,
        funnel_steps.step_number,
        funnel_steps.event_name as step_name,
        funnel_steps.is_seen,
        funnel_steps.is_entry_seen,
        coalesce(sum(ends.entries_count), 0) as entered_count,
        coalesce(sum(ends.entries_count) filter (where ends.reached_step_number >= funnel_steps.step_number), 0) as reached_count,
        coalesce(sum(ends.open_count) filter (where ends.reached_step_number < funnel_steps.step_number), 0) as pending_count,
        coalesce(
            sum(ends.entries_count - ends.open_count) filter (where ends.reached_step_number >= funnel_steps.step_number), 0
        ) as closed_count
    from periods
    inner join funnel_steps on periods.launch_id = funnel_steps.launch_id
    cross join countings
    left join ends
        on periods.launch_id = ends.launch_id
        and funnel_steps.funnel_id = ends.funnel_id
        and countings.counting = ends.counting
        and periods.period_kind = ends.period_kind
        and periods.period_start = ends.period_start
        and periods.period_end = ends.period_end
    where countings.counting = 'uniques' or periods.period_kind <> 'phase'
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
)

select
    launch_id,
    funnel_id,
    funnel_name,
    counting,
    period_kind,
    period_start,
    period_end,
    step_number,
    step_name,
    cast(case when is_entry_seen then entered_count end as bigint) as entered_count,
    cast(case when is_seen then reached_count end as bigint) as reached_count,
    cast(case when is_seen then pending_count end as bigint) as pending_count,
    cast(case when is_seen then closed_count end as bigint) as closed_count
from final
