{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'series_id', 'metric_date'], 'unique': true}],
        pre_hook=["{{ read_by_index() }}", "{{ delete_dirty_dates('prometheus', 'metric_date') }}"],
    )
}}

with samples as (
    select * from {{ ref('stg_prometheus__samples') }}
    where
        kind in ('requests', 'latency_buckets', 'counter', 'histogram')
        and {{ is_dirty_date('prometheus', 'launch_id', 'metric_date') }}
),

series as (
    select * from {{ ref('stg_prometheus__series') }}
),

loads as (
    select * from {{ ref('stg_ops__partition_loads') }}
),

neighbours as (
    select
        samples.*,
        series.target,
        lag(samples.value) over day_of_series as previous_value,
        lead(samples.value) over day_of_series as next_value
    from samples
    inner join series
        on samples.launch_id = series.launch_id
        and samples.series_id = series.series_id
    window day_of_series as (partition by samples.launch_id, samples.series_id, samples.metric_date order by samples.sampled_at)
),

-- a counter that falls was reset: what it shows now has come since
days as (
    select
        launch_id,
        metric_id,
        subject_id,
        series_id,
        target,
        metric_date,
        max(load_id) as load_id,
        min(sampled_at) as first_sampled_at,
        max(sampled_at) as last_sampled_at,
        max(case when previous_value is null then value end) as first_value,
        max(case when next_value is null then value end) as last_value,
        sum(case when value < previous_value then value else value - previous_value end) as increase
    from neighbours
    group by launch_id, metric_id, subject_id, series_id, target, metric_date
),

-- scrapes in which another counter of the target had been seen before, on the same date
running_scrapes as (
    select distinct launch_id, metric_id, target, metric_date, sampled_at
    from neighbours
    where previous_value is not null
),

final as (
    select
        days.launch_id,
        days.metric_id,
        days.subject_id,
        days.series_id,
        days.target,

        days.metric_date,
        days.first_sampled_at,
        days.last_sampled_at,
        {{ json_key('loads.request', 'days.metric_id', 'queries') }} as query,

        days.first_value,
        days.last_value,
        days.increase,
        running_scrapes.target is not null as is_target_running
    from days
    left join loads on days.load_id = loads.load_id
    left join running_scrapes
        on days.launch_id = running_scrapes.launch_id
        and days.metric_id = running_scrapes.metric_id
        and days.target = running_scrapes.target
        and days.metric_date = running_scrapes.metric_date
        and days.first_sampled_at = running_scrapes.sampled_at
)

select * from final
