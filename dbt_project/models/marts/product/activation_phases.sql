with phases as (
    select * from {{ ref('int_activation_phases') }}
),

-- If a step was never done by any user, nobody is known to be activated or not.
seen_launches as (
    select launch_id from {{ ref('int_event_scope') }}
    where is_activation_seen
)

select
    phases.launch_id,
    phases.from_day,
    phases.metric_date,
    phases.launch_day,
    phases.activated_count,
    phases.entered_count,
    {{ ratio('phases.activated_count', 'phases.entered_count') }} as activated_ratio
from phases
inner join seen_launches on phases.launch_id = seen_launches.launch_id
