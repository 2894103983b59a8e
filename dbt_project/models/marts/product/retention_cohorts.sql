{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=[
            "{{ read_by_index() }}",
            "{{ delete_changed_rows('int_changed_retention', ['launch_id', 'period_kind', 'cohort_date', 'period_number']) }}"
        ],
        indexes=[{'columns': ['launch_id', 'period_kind', 'cohort_date', 'period_number']}]
    )
}}

select
    launch_id,
    period_kind,
    cohort_date,
    period_number,
    period_name,
    cohort_size_count,
    retained_count,
    is_complete,
    retained_ratio
from {{ ref('int_changed_retention') }}
where not is_gone
