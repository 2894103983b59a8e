{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=[
            "{{ read_by_index() }}",
            "{{ delete_changed_rows('int_changed_measures', ['launch_id', 'metric_date', 'measure_id', 'subject_id', 'segment_id']) }}"
        ],
        indexes=[{'columns': ['launch_id', 'metric_date', 'measure_id']}]
    )
}}

select
    launch_id,
    domain,
    measure_id,
    subject_id,
    segment_id,
    metric_date,
    launch_day,
    value
from {{ ref('int_changed_measures') }}
where not is_gone
