{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'resource_id', 'metric_date']}],
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 41) }}",
    )
}}

with windows as (
    select * from {{ ref('int_capacity_windows') }}
    where {{ is_after_dirty_date('prometheus', 'launch_id', 'metric_date', 41) }}
),

changes as (
    select
        *,
        p95_value - avg(p95_value) over series as value,
        0.002 * max(abs(p95_value)) over series as least_noise,
        p95_value - lag(p95_value) over days as change,
        p95_value - lag(p95_value, 2) over days as change_over_two
    from windows
    window
        series as (partition by launch_id, resource_id, metric_date),
        days as (partition by launch_id, resource_id, metric_date order by day_offset)
),

ranked_changes as (
    select
        *,
        row_number() over (partition by launch_id, resource_id, metric_date order by change nulls last) as change_rank,
        count(change) over (partition by launch_id, resource_id, metric_date) as changes_count
    from changes
),

deviations as (
    select
        *,
        abs(change - max(case when change_rank = ceil(0.5 * changes_count) then change end) over (
            partition by launch_id, resource_id, metric_date
        )) as deviation
    from ranked_changes
),

ranked_deviations as (
    select
        *,
        row_number() over (partition by launch_id, resource_id, metric_date order by deviation nulls last) as deviation_rank
    from deviations
),

-- three in four changes of a normal series deviate by less than 1.1503 standard deviations; restarts do not move that, weekends do
usual_changes as (
    select
        *,
        greatest(
            max(case when deviation_rank = ceil(0.75 * changes_count) then deviation end) over (
                partition by launch_id, resource_id, metric_date
            ) / 1.1503,
            least_noise
        ) as usual_change
    from ranked_deviations
),

-- a restart is a fall of more than six of them, and not the way back from a spike
restarts as (
    select
        *,
        max(case when change < -6 * usual_change and change_over_two < -6 * usual_change then day_offset end) over (
            partition by launch_id, resource_id, metric_date
        ) as restart_offset
    from usual_changes
),

points as (
    select
        launch_id,
        resource_id,
        metric_date,
        day_offset,
        value,
        least_noise,
        {{ as_double('null') }} as slope_before_per_day
    from restarts
    where day_offset >= coalesce(restart_offset, day_offset)
),

{{ cut_at_break('points') }},

{{ cut_at_break('points_cut') }},

{{ cut_at_break('points_cut_cut') }},

final as (
    select
        launch_id,
        resource_id,

        metric_date,
        min(day_offset) as from_offset,

        count(*) as observed_days_count,
        max(slope_before_per_day) as slope_before_per_day
    from points_cut_cut_cut
    group by launch_id, resource_id, metric_date
)

select * from final
