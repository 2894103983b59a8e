with funnel_events as (
    select * from {{ ref('int_funnel_events') }}
),

funnels as (
    select launch_id, funnel_id, window_seconds
    from {{ ref('stg_config__funnel_steps') }}
    where step_number = 1
),

-- The first entry of a user on a date; its window runs from that moment.
entries as (
    select
        launch_id,
        funnel_id,
        user_key,
        event_date as entry_date,
        min(occurred_at) as entered_at
    from funnel_events
    where step_number = 1
    group by launch_id, funnel_id, user_key, event_date
),

step_1 as (
    select
        entries.*,
        {{ add_seconds('entries.entered_at', 'funnels.window_seconds') }} as closes_at,
        entries.entered_at as reached_at
    from entries
    inner join funnels on entries.launch_id = funnels.launch_id and entries.funnel_id = funnels.funnel_id
),

-- Each further step is reached by its first event at or after the step before it, within the window: looking forward in time
-- over entries and events of one user together is one sort, however many entries and events there are.
{% for step in range(2, var('funnel_steps_maximum') | int + 1) %}
timeline_{{ step }} as (
    select launch_id, funnel_id, user_key, entry_date, entered_at, closes_at, reached_at as moment, null as event_at
    from step_{{ step - 1 }}
    union all
    select
        launch_id, funnel_id, user_key, null as entry_date, null as entered_at, null as closes_at,
        occurred_at as moment, occurred_at as event_at
    from funnel_events
    where step_number = {{ step }}
),

ahead_{{ step }} as (
    select
        timeline_{{ step }}.*,
        min(event_at) over (
            partition by launch_id, funnel_id, user_key
            order by moment
            range between current row and unbounded following
        ) as next_event_at
    from timeline_{{ step }}
),

step_{{ step }} as (
    select launch_id, funnel_id, user_key, entry_date, entered_at, closes_at, next_event_at as reached_at
    from ahead_{{ step }}
    where entry_date is not null and next_event_at <= closes_at
),
{% endfor %}
final as (
    {% for step in range(1, var('funnel_steps_maximum') | int + 1) %}
    select *, {{ step }} as step_number from step_{{ step }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    launch_id,
    funnel_id,
    user_key,
    entry_date,
    step_number,
    entered_at,
    closes_at,
    reached_at
from final
