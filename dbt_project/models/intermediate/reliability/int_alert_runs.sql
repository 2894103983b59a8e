with stretches as (
    select * from {{ ref('int_alert_stretches') }}
),

alerts as (
    select * from {{ ref('stg_config__alerts') }}
),

neighbours as (
    select
        stretches.*,
        alerts.for_seconds,
        lag({{ add_seconds('last_at', 'step_seconds') }}) over by_time as previous_end_at,
        lag(is_breach) over by_time as is_breach_before,
        lead(first_at) over by_time as next_at,
        lead(is_breach) over by_time as is_breach_after,
        count(case when not is_breach then 1 end) over by_time as run_number
    from stretches
    inner join alerts on stretches.launch_id = alerts.launch_id and stretches.alert_id = alerts.alert_id
    window by_time as (partition by stretches.launch_id, stretches.alert_id order by stretches.first_at)
),

-- a condition that goes on over midnight began on the date before; one that is there again after a gap may have begun anew
breaches as (
    select
        *,
        count(case when not coalesce(is_breach_before and previous_end_at = first_at, false) then 1 end) over (
            partition by launch_id, alert_id
            order by first_at
        ) as chain_number
    from neighbours
    where is_breach
),

chained as (
    select
        *,
        min(first_at) over (partition by launch_id, alert_id, chain_number) as chain_first_at,
        max(last_at) over (partition by launch_id, alert_id, chain_number) as chain_last_at
    from breaches
),

-- Prometheus fires at the first point at which the condition has held for so long, from one point to the other
final as (
    select
        launch_id,
        alert_id,
        run_number,

        min(first_at) as started_at,
        max(last_at) as last_seen_at,
        min(
            case
                when {{ seconds_between('chain_first_at', 'chain_last_at') }} >= for_seconds
                    then {{ add_seconds('chain_first_at', 'ceil(for_seconds / step_seconds) * step_seconds') }}
            end
        ) as fired_at,

        max(case when run_number > 0 and previous_end_at = first_at and not is_breach_before then 1 else 0 end) = 1 as is_start_seen,
        min(case when next_at = {{ add_seconds('last_at', 'step_seconds') }} and not is_breach_after then next_at end) as ended_at,
        min(worst_value) as lowest_value,
        max(worst_value) as highest_value,
        sum(points_count * step_seconds) as seen_seconds,
        min(for_seconds) as for_seconds,
        max(step_seconds) as step_seconds
    from chained
    group by launch_id, alert_id, run_number
)

select * from final
