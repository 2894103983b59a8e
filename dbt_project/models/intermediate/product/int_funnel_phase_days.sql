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
),

phases as (
    select distinct launch_id, period_start from {{ ref('int_kpi_spans') }}
)

select
    entries.launch_id,
    entries.funnel_id,
    phases.period_start,
    entries.entry_date,
    {{ local_date(add_seconds('entries.closes_at', '-0.000001'), 'launches.timezone') }} as last_open_date,
    entries.reached_step_number,
    count(*) as uniques_count
from entries
inner join launches on entries.launch_id = launches.launch_id
inner join phases
    on entries.launch_id = phases.launch_id
    and entries.entry_date >= phases.period_start
    and (entries.previous_entry_date is null or entries.previous_entry_date < phases.period_start)
group by 1, 2, 3, 4, 5, 6
