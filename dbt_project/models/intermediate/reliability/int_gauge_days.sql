{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_dates('prometheus', 'metric_date') }}"],
    )
}}

with samples as (
    select * from {{ ref('stg_prometheus__samples') }}
    where
        kind = 'gauge'
        and {{ is_dirty_date('prometheus', 'launch_id', 'metric_date') }}
)

select
    launch_id,
    subject_id as measure_id,
    metric_date,
    {{ significant_digits('value', 3) }} as rounded_value,
    {{ exact_sum('value') }} as value_sum,
    max(value) as maximum_value,
    min(value) as minimum_value,
    count(*) as points_count
from samples
group by launch_id, subject_id, metric_date, {{ significant_digits('value', 3) }}
