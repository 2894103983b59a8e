{%- set normal_quantile = 1.959963984540054 -%}

with windows as (
    select * from {{ ref('int_capacity_windows') }}
),

values_of_windows as (
    select
        launch_id,
        resource_id,
        metric_date,
        p95_value,
        count(*) as tied_count
    from windows
    group by launch_id, resource_id, metric_date, p95_value
),

counts as (
    select
        launch_id,
        resource_id,
        metric_date,
        sum(tied_count) as days_count,
        sum(tied_count * (tied_count - 1) * (2 * tied_count + 5)) as tied_term
    from values_of_windows
    group by launch_id, resource_id, metric_date
),

-- Sen (1968), formula 2.6: the spread of Kendall's S, with its correction for equal values
spreads as (
    select
        *,
        days_count * (days_count - 1) / 2 as slopes_count,
        {{ normal_quantile }} * sqrt({{ as_double('days_count * (days_count - 1) * (2 * days_count + 5) - tied_term') }} / 18) as spread
    from counts
),

final as (
    select
        launch_id,
        resource_id,

        metric_date,

        cast(days_count as bigint) as observed_days_count,
        greatest(round((slopes_count - spread) / 2), 1) as low_rank,
        least(round((slopes_count + spread) / 2) + 1, slopes_count) as high_rank
    from spreads
    where days_count >= 7
)

select * from final
