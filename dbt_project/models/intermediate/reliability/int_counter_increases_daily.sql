{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 1) }}",
    )
}}

with samples as (
    select * from {{ ref('stg_prometheus__samples') }}
    where kind in ('requests', 'latency_buckets')
),

-- the first sample of a date counts from the last one of the date before, so that date is read too
read_samples as (
    select
        launch_id,
        metric_id,
        subject_id,
        series_id,
        metric_date,
        sampled_at,
        value
    from samples
    where {{ is_near_dirty_dates('prometheus', 'metric_date', days_before=1, days_after=1) }}
),

paired as (
    select
        *,
        lag(value) over (partition by launch_id, series_id order by sampled_at) as previous_value,
        lag(metric_date) over (partition by launch_id, series_id order by sampled_at) as previous_date
    from read_samples
),

-- a counter that falls was reset: what it shows now has come since
increases as (
    select
        *,
        case when value < previous_value then value else value - previous_value end as increase
    from paired
    where previous_date >= {{ add_days('metric_date', -1) }}
),

final as (
    select
        launch_id,
        metric_id,
        subject_id,
        series_id,

        metric_date,

        sum(increase) as increase
    from increases
    where {{ is_after_dirty_date('prometheus', 'launch_id', 'metric_date', 1) }}
    group by launch_id, metric_id, subject_id, series_id, metric_date
)

select * from final
