{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'resource_id', 'metric_date']}],
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 41) }}",
    )
}}
{%- set normal_quantile = 1.959963984540054 -%}

with points as (
    select * from {{ ref('int_capacity_points') }}
),

slopes as (
    select * from {{ ref('int_capacity_slopes') }}
    where {{ is_after_dirty_date('prometheus', 'launch_id', 'metric_date', 41) }}
),

lines as (
    select
        slopes.launch_id,
        slopes.resource_id,
        slopes.metric_date,
        slopes.slope_per_day,
        percentile_cont(0.5) within group (order by points.p95_value)
        - slopes.slope_per_day * percentile_cont(0.5) within group (order by points.day_offset) as line_value,
        percentile_cont(0.5) within group (order by points.p95_value - slopes.slope_per_day * points.day_offset) as residual_median,
        {{ exact_average('points.p95_value - slopes.slope_per_day * points.day_offset') }} as residual_average
    from slopes
    inner join points
        on slopes.launch_id = points.launch_id
        and slopes.resource_id = points.resource_id
        and slopes.metric_date = points.metric_date
    group by slopes.launch_id, slopes.resource_id, slopes.metric_date, slopes.slope_per_day
),

residuals as (
    select
        lines.*,
        points.p95_value,
        points.day_offset,
        points.observed_days_count,
        points.p95_value - lines.slope_per_day * points.day_offset - lines.residual_median as residual,
        points.p95_value - lines.slope_per_day * points.day_offset - lines.residual_average as deviation,
        count(*) over (partition by points.launch_id, points.resource_id, points.metric_date, points.p95_value) as tied_count
    from lines
    inner join points
        on lines.launch_id = points.launch_id
        and lines.resource_id = points.resource_id
        and lines.metric_date = points.metric_date
),

neighbours as (
    select
        *,
        first_value(deviation) over (
            partition by launch_id, resource_id, metric_date order by day_offset range between 1 preceding and 1 preceding
        ) as day_before_deviation
    from residuals
),

-- a day remembers the one before; estimated around a trend of n days that is too small by about (2 + 4 rho) / n (van Giersbergen 2005)
memories as (
    select
        launch_id,
        resource_id,
        metric_date,
        line_value,
        {{ as_double('max(observed_days_count)') }} as days_count,
        {{ as_double('sum((tied_count - 1) * (2 * tied_count + 5))') }} as tied_term,
        sqrt({{ exact_average('residual * residual') }} * max(observed_days_count) / (max(observed_days_count) - 2)) as residual_deviation,
        least(greatest(coalesce(
            (
                {{ exact_average('deviation * day_before_deviation') }} * count(day_before_deviation)
                / nullif({{ exact_average('deviation * deviation') }}, 0) + 2
            ) / (max(observed_days_count) - 4),
            0
        ), 0), 0.9) as autocorrelation
    from neighbours
    group by launch_id, resource_id, metric_date, line_value
),

-- Sen (1968), formula 2.6: the spread of Kendall's S, corrected for equal values; wider by what memory takes from n days (Hamed, Rao 1998)
spreads as (
    select
        *,
        days_count * (days_count - 1) / 2 as slopes_count,
        {{ normal_quantile }} * sqrt(
            (days_count * (days_count - 1) * (2 * days_count + 5) - tied_term) / 18
            * (
                (1 + autocorrelation) / (1 - autocorrelation)
                - 2 * autocorrelation * (1 - power(autocorrelation, days_count)) / (days_count * power(1 - autocorrelation, 2))
            )
        ) as spread
    from memories
),

final as (
    select
        launch_id,
        resource_id,

        metric_date,

        line_value,
        residual_deviation,
        autocorrelation,
        greatest(round((slopes_count - spread) / 2), 1) as low_rank,
        least(round((slopes_count + spread) / 2) + 1, slopes_count) as high_rank
    from spreads
)

select * from final
