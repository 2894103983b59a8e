{{ config(pre_hook="{{ read_by_index() }}") }}

{# Nobody where int_funnel_entries is made from the beginning. The relation itself, not a CTE: the engine finds entries by its indexes. #}
{% set entries = table_before('int_funnel_entries') %}
{% set changed_users = table_before('int_changed_funnel_users') %}

-- depends_on: {{ ref('stg_config__funnel_steps') }}
with attempts as (
    select * from {{ ref('int_funnel_attempts') }}
),

{% if not entries -%}
final as (
    select
        launch_id, funnel_id, user_key, entry_date as from_date, closes_at as kept_ended_at, entry_order as kept_ended_order,
        entry_date as kept_entry_date, closing_date as kept_closing_date
    from attempts
    where false
)
{%- else -%}
finished as (
    select build_id from {{ source('ops', 'builds') }}
    where status = 'succeeded'
),

remade_dates as (
    select * from {{ dates_within_a_window() }}
),

funnels as (
    select
        launch_id,
        funnel_id,
        cast(ceil(max(window_seconds) / 86400) as integer) + 2 as window_days
    from {{ ref('stg_config__funnel_steps') }}
    group by launch_id, funnel_id
),

days as (
    select attempts.launch_id, attempts.funnel_id, attempts.user_key, attempts.entry_date
    from remade_dates
    inner join attempts on remade_dates.launch_id = attempts.launch_id and remade_dates.metric_date = attempts.entry_date
    union all
    select before.launch_id, before.funnel_id, before.user_key, before.entry_date
    from remade_dates
    inner join {{ entries }} as before on remade_dates.launch_id = before.launch_id and remade_dates.metric_date = before.entry_date
    {% if changed_users %}
    union all
    -- a build that failed may have made their entries, and nothing that is counted of them
    select launch_id, funnel_id, user_key, from_date as entry_date from {{ changed_users }}
    where build_id not in (select finished.build_id from finished)
    {% endif %}
),

changed as (
    select
        launch_id,
        funnel_id,
        user_key,
        min(entry_date) as from_date
    from days
    group by launch_id, funnel_id, user_key
),

-- The last end of the entries that count and stay. What began a window before has ended.
totals as (
    select kept.*
    from changed
    inner join funnels on changed.launch_id = funnels.launch_id and changed.funnel_id = funnels.funnel_id
    inner join {{ entries }} as kept
        on changed.launch_id = kept.launch_id
        and changed.funnel_id = kept.funnel_id
        and changed.user_key = kept.user_key
        and changed.from_date > kept.entry_date
        and {{ add_days('changed.from_date', '-funnels.window_days') }} <= kept.entry_date
    where kept.is_total
),

last_ends as (
    {{ first_rows('totals', 'launch_id, funnel_id, user_key', 'ended_at desc, ended_order desc nulls first') }}
),

followed as {{ materialized() }} (
    select
        changed.*,
        (
            select max(kept.entry_date) from {{ entries }} as kept
            where kept.launch_id = changed.launch_id and kept.funnel_id = changed.funnel_id and kept.user_key = changed.user_key
                and kept.entry_date < changed.from_date
        ) as kept_entry_date
    from changed
),

final as (
    select
        followed.*,
        last_ends.ended_at as kept_ended_at,
        last_ends.ended_order as kept_ended_order,
        (
            select max(kept.closing_date) from {{ entries }} as kept
            where kept.launch_id = followed.launch_id and kept.funnel_id = followed.funnel_id and kept.user_key = followed.user_key
                and kept.entry_date = followed.kept_entry_date
        ) as kept_closing_date
    from followed
    left join last_ends
        on followed.launch_id = last_ends.launch_id
        and followed.funnel_id = last_ends.funnel_id
        and followed.user_key = last_ends.user_key
)
{%- endif %}

select
    {{ build_id() }} as build_id,
    launch_id,
    funnel_id,
    user_key,
    from_date,
    kept_ended_at,
    kept_ended_order,
    kept_entry_date,
    kept_closing_date
from final
