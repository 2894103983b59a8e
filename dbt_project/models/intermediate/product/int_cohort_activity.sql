{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_dates('activity_date') }}"]
    )
}}

{% set period_days = {'day': 1, 'week': 7} %}

with user_days as (
    select * from {{ ref('int_user_days') }}
    where first_date is not null and {{ is_changed_date('launch_id', 'activity_date') }}
),

-- A user counts on the first active day of a period. Days are counted to 90, which verdicts are about; weeks without end.
final as (
    {% for kind in period_days %}
    select
        launch_id,
        '{{ kind }}' as period_kind,
        {{ period_days[kind] }} as period_days,
        {{ period_start(kind, 'first_date') }} as cohort_date,
        activity_date,
        count(*) as users_count
    from user_days
    where
        (activity_number = 1 or previous_activity_date < {{ period_start(kind, 'activity_date') }})
        {%- if kind == 'day' %} and activity_date <= {{ add_days('first_date', 90) }}{% endif %}
    group by 1, 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
