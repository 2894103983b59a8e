{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'resource_id', 'metric_date']}],
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 41) }}",
    )
}}
{%- set normal_quantile = 1.959963984540054 -%}
{%- set days_ahead = 7 -%}

with points as (
    select * from {{ ref('int_capacity_points') }}
),

slopes as (
    select * from {{ ref('int_capacity_slopes') }}
),

intervals as (
    select * from {{ ref('int_capacity_intervals') }}
),

-- Theil (1950): the slope between every two observations
ranked as (
    select
        earlier.launch_id,
        earlier.resource_id,
        earlier.metric_date,
        {{ slope_between('earlier', 'later') }} as slope,
        row_number() over (
            partition by earlier.launch_id, earlier.resource_id, earlier.metric_date
            order by {{ slope_between('earlier', 'later') }}
        ) as slope_rank
    from points as earlier
    inner join points as later
        on earlier.launch_id = later.launch_id
        and earlier.resource_id = later.resource_id
        and earlier.metric_date = later.metric_date
        and earlier.day_offset < later.day_offset
    where {{ is_after_dirty_date('prometheus', 'earlier.launch_id', 'earlier.metric_date', 41) }}
),

bounds as (
    select
        intervals.launch_id,
        intervals.resource_id,
        intervals.metric_date,
        intervals.line_value,
        intervals.residual_deviation,
        max(case when ranked.slope_rank = intervals.low_rank then ranked.slope end) as slope_low_per_day,
        max(case when ranked.slope_rank = intervals.high_rank then ranked.slope end) as slope_high_per_day
    from intervals
    inner join ranked
        on intervals.launch_id = ranked.launch_id
        and intervals.resource_id = ranked.resource_id
        and intervals.metric_date = ranked.metric_date
    group by
        intervals.launch_id, intervals.resource_id, intervals.metric_date, intervals.line_value, intervals.residual_deviation
),

final as (
    select
        bounds.launch_id,
        bounds.resource_id,

        bounds.metric_date,

        slopes.slope_per_day,
        bounds.slope_low_per_day,
        bounds.slope_high_per_day,
        slopes.recent_slope_per_day,
        {{ normal_quantile }} * bounds.residual_deviation as day_noise_value,
        bounds.line_value + {{ days_ahead }} * bounds.slope_low_per_day
        - {{ normal_quantile }} * bounds.residual_deviation as expected_low_value,
        bounds.line_value + {{ days_ahead }} * bounds.slope_high_per_day
        + {{ normal_quantile }} * bounds.residual_deviation as expected_high_value
    from bounds
    inner join slopes
        on bounds.launch_id = slopes.launch_id
        and bounds.resource_id = slopes.resource_id
        and bounds.metric_date = slopes.metric_date
)

select * from final
