with counts as (
    select * from {{ ref('int_funnel_counts') }}
    where period_kind = 'day' and counting = 'uniques'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

named_events as (
    select * from {{ ref('int_named_events') }}
)

select
    counts.launch_id,
    counts.funnel_id,
    counts.funnel_name,
    counts.period_start as entry_date,
    {{ days_between('launches.launch_date', 'counts.period_start') }} as launch_day,
    counts.step_number,
    counts.step_name,
    counts.entered_count,
    counts.reached_count,
    counts.pending_count,
    {{ ratio('counts.reached_count', 'counts.entered_count') }} as reached_ratio,
    case when not named_events.is_seen
            then 'no user ever sent the event ' || counts.step_name || ' of mixpanel.funnels, ' || counts.funnel_id
    end as notice
from counts
inner join launches on counts.launch_id = launches.launch_id
inner join named_events
    on counts.launch_id = named_events.launch_id
    and counts.funnel_id = named_events.funnel_id
    and counts.step_number = named_events.step_number
