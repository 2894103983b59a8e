{% set period_days = {'day': 1, 'week': 7} %}

with user_days as (
    select * from {{ ref('int_user_days') }}
),

-- Nobody comes back where nobody ever sent what counts as coming back.
seen_launches as (
    select launch_id from {{ ref('int_event_scope') }}
    where is_activity_seen
),

final as (
    {% for kind in period_days %}
    select
        launch_id,
        '{{ kind }}' as period_kind,
        {{ period_days[kind] }} as period_days,
        {{ period_start(kind, 'activity_date') }} as cohort_date,
        user_key
    from user_days
    where activity_number = 1 and launch_id in (select seen_launches.launch_id from seen_launches)
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    launch_id,
    period_kind,
    period_days,
    cohort_date,
    user_key
from final
