{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_dates('prometheus', 'metric_date') }}"],
    )
}}

with samples as (
    select * from {{ ref('stg_prometheus__samples') }}
    where kind in ('resource', 'leak')
),

-- the fullest instance decides when a resource runs out
moments as (
    select
        launch_id,
        subject_id,
        metric_date,
        sampled_at,
        max(value) as value
    from samples
    where {{ is_dirty_date('prometheus', 'launch_id', 'metric_date') }}
    group by launch_id, subject_id, metric_date, sampled_at
),

final as (
    select
        launch_id,
        subject_id as resource_id,

        metric_date,

        {{ exact_average('value') }} as average_value,
        max(value) as maximum_value,
        percentile_cont(0.95) within group (order by value) as p95_value,
        count(*) as samples_count
    from moments
    group by launch_id, subject_id, metric_date
)

select * from final
