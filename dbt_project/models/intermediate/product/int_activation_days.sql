{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_changed_entry_dates() }}"],
        indexes=[{'columns': ['launch_id', 'closing_date']}]
    )
}}

-- the condition asks for it; depends_on: {{ ref('int_changed_funnel_users') }}, {{ ref('int_funnel_entries') }}
with attempts as (
    select * from {{ ref('int_activation_attempts') }}
    where {{ is_changed_entry_date('launch_id', 'entry_date') }}
)

select
    launch_id,
    entry_date,
    closing_date,
    previous_closing_date,
    count(*) filter (where is_activated) as activated_count,
    count(*) as entered_count
from attempts
group by launch_id, entry_date, closing_date, previous_closing_date
