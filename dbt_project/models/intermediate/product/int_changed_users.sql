{{ config(pre_hook="{{ read_by_index(joins='loops') }}") }}

{# Nobody where int_user_days is made from the beginning. The relation itself, not a CTE: the engine finds a user's days by its index. #}
{% set user_days = table_before('int_user_days') %}
{% set changed_users = table_before('int_changed_users') %}

with event_days as (
    select * from {{ ref('int_user_event_days') }}
    where user_key is not null
),

{% if not user_days -%}
final as (
    select launch_id, user_key, event_date as from_date, event_date as kept_date, event_date as kept_first_date, 0 as kept_number
    from event_days
    where false
)
{%- else -%}
finished as (
    select build_id from {{ source('ops', 'builds') }}
    where status = 'succeeded'
),

dirty_dates as (
    select * from {{ dirty_dates('mixpanel') }}
),

days as (
    select event_days.launch_id, event_days.user_key, event_days.event_date as metric_date
    from dirty_dates
    inner join event_days on dirty_dates.launch_id = event_days.launch_id and dirty_dates.metric_date = event_days.event_date
    union all
    select before.launch_id, before.user_key, before.activity_date as metric_date
    from dirty_dates
    inner join {{ user_days }} as before on dirty_dates.launch_id = before.launch_id and dirty_dates.metric_date = before.activity_date
    {% if changed_users %}
    union all
    -- a build that failed may have made their days, and nothing that is counted of them
    select launch_id, user_key, from_date as metric_date from {{ changed_users }}
    where build_id not in (select finished.build_id from finished)
    {% endif %}
),

changed as (
    select
        launch_id,
        user_key,
        min(metric_date) as from_date
    from days
    group by launch_id, user_key
),

-- The last day of those that stay. A subquery: one look into the index for each user, however long their history is. It is asked once:
-- within a join's condition it would be asked again.
followed as {{ materialized() }} (
    select
        changed.*,
        (
            select max(before.activity_date) from {{ user_days }} as before
            where before.launch_id = changed.launch_id and before.user_key = changed.user_key and before.activity_date < changed.from_date
        ) as kept_date
    from changed
),

final as (
    select
        followed.*,
        kept.first_date as kept_first_date,
        kept.activity_number as kept_number
    from followed
    left join {{ user_days }} as kept
        on followed.launch_id = kept.launch_id
        and followed.user_key = kept.user_key
        and followed.kept_date = kept.activity_date
)
{%- endif %}

select
    {{ build_id() }} as build_id,
    launch_id,
    user_key,
    from_date,
    kept_date,
    kept_first_date,
    kept_number
from final
