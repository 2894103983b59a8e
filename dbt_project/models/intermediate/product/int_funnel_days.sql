{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_entry_dates() }}"]
    )
}}

-- the condition asks for it; depends_on: {{ ref('int_changed_entry_dates') }}
with entries as (
    select * from {{ ref('int_funnel_entries') }}
    where {{ is_changed_entry_date('launch_id', 'entry_date') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
)

select
    entries.launch_id,
    entries.funnel_id,
    entries.entry_date,
    {{ local_date(add_seconds('entries.closes_at', '-0.000001'), 'launches.timezone') }} as last_open_date,
    entries.reached_step_number,
    {% for kind in calendar_periods() %}
    count(case when entries.is_unique_of_{{ kind }} then 1 end) as uniques_of_{{ kind }}_count,
    {% endfor %}
    count(case when entries.is_total then 1 end) as totals_count
from entries
inner join launches on entries.launch_id = launches.launch_id
group by 1, 2, 3, 4, 5
