{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_dirty_and_next_dates('prometheus', ref('int_counter_days'), 'metric_date') }}",
    )
}}

with days as (
    select * from {{ ref('int_counter_days') }}
),

-- the relation itself, not the CTE: the engine finds the last date before by its index, however long ago it is
made as (
    select
        days.*,
        (
            select max(earlier.metric_date)
            from {{ ref('int_counter_days') }} as earlier
            where
                earlier.launch_id = days.launch_id
                and earlier.series_id = days.series_id
                and earlier.metric_date < days.metric_date
        ) as previous_date
    from days
    where {{ is_dirty_or_next_date('prometheus', ref('int_counter_days'), 'days.launch_id', 'days.metric_date') }}
),

joined as (
    select
        made.*,
        before.last_value as previous_value,
        before.query as previous_query
    from made
    left join {{ ref('int_counter_days') }} as before
        on made.launch_id = before.launch_id
        and made.series_id = before.series_id
        and made.previous_date = before.metric_date
),

-- first scrapes of a date in which another counter of the target, asked for in the same words, is known from an earlier date
continued_scrapes as (
    select
        launch_id,
        metric_id,
        target,
        metric_date,
        first_sampled_at,
        max(previous_date) as previous_date
    from joined
    where previous_date is not null and query is not distinct from previous_query
    group by launch_id, metric_id, target, metric_date, first_sampled_at
),

-- a series that is new began at zero if its target had been scraped without it; where the whole target is new, its start is not known
edges as (
    select
        joined.*,
        coalesce(joined.previous_date, continued_scrapes.previous_date) as seen_date,
        case
            when joined.previous_value is not null and joined.first_value >= joined.previous_value
                then joined.first_value - joined.previous_value
            when joined.previous_value is not null or joined.is_target_running or continued_scrapes.target is not null
                then joined.first_value
        end as edge_increase
    from joined
    left join continued_scrapes
        on joined.launch_id = continued_scrapes.launch_id
        and joined.metric_id = continued_scrapes.metric_id
        and joined.target = continued_scrapes.target
        and joined.metric_date = continued_scrapes.metric_date
        and joined.first_sampled_at = continued_scrapes.first_sampled_at
),

final as (
    select
        launch_id,
        metric_id,
        subject_id,
        series_id,

        metric_date,

        coalesce(edge_increase, 0) + coalesce(increase, 0) as increase,
        case when seen_date < {{ add_days('metric_date', -1) }} then edge_increase else 0 end as gap_increase
    from edges
    where edge_increase is not null or increase is not null
)

select * from final
