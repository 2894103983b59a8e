{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_dates('prometheus', 'metric_date') }}"],
    )
}}

with samples as (
    select * from {{ ref('stg_prometheus__samples') }}
    where kind in ('up', 'dependency')
),

-- a service is up as long as one of its instances is, a dependency as long as one probe says so
steps as (
    select
        launch_id,
        kind,
        subject_id,
        metric_date,
        step_seconds,
        {{ grid_step('sampled_at', 'step_seconds') }} as step_number,
        max(value) as up_value
    from samples
    where {{ is_dirty_date('prometheus', 'launch_id', 'metric_date') }}
    group by launch_id, kind, subject_id, metric_date, step_seconds, {{ grid_step('sampled_at', 'step_seconds') }}
),

final as (
    select
        launch_id,
        kind,
        subject_id,

        metric_date,

        count(*) * step_seconds as observed_seconds,
        count(case when up_value >= 1 then 1 end) * step_seconds as up_seconds
    from steps
    group by launch_id, kind, subject_id, metric_date, step_seconds
)

select * from final
