{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_entry_dates() }}"],
        indexes=[{'columns': ['launch_id', 'closing_date']}]
    )
}}

-- the condition asks for it; depends_on: {{ ref('int_changed_entry_dates') }}
with entries as (
    select * from {{ ref('int_funnel_entries') }}
    where funnel_id = 'activation' and {{ is_changed_entry_date('launch_id', 'entry_date') }}
)

-- Dated by the day on which the window closes: decided then, and never changed by the passing of time.
select
    launch_id,
    entry_date,
    closing_date,
    previous_closing_date,
    count(*) filter (where is_converted) as activated_count,
    count(*) as entered_count
from entries
group by launch_id, entry_date, closing_date, previous_closing_date
