with runs as (
    select * from {{ ref('int_alert_runs') }}
),

alerts as (
    select * from {{ ref('stg_config__alerts') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'prometheus'
),

-- without what never held for long enough, whatever was not seen between
episodes as (
    select
        *,
        {{ seconds_between('started_at', 'last_seen_at') }} + step_seconds as span_seconds
    from runs
    where fired_at is not null or {{ seconds_between('started_at', 'last_seen_at') }} >= for_seconds
),

final as (
    select
        episodes.launch_id,
        episodes.alert_id,
        alerts.message,
        alerts.severity,
        alerts.page,
        alerts.comparator,
        alerts.bound,
        alerts.for_seconds,

        {{ local_date('coalesce(episodes.fired_at, episodes.started_at)', 'launches.timezone') }} as metric_date,
        {{ days_between('launches.launch_date', local_date('coalesce(episodes.fired_at, episodes.started_at)', 'launches.timezone')) }}
            as launch_day,
        episodes.started_at,
        episodes.fired_at,
        episodes.last_seen_at,
        episodes.ended_at,

        {{ seconds_between('episodes.started_at', 'episodes.ended_at') }} as duration_seconds,
        {{ as_double('episodes.seen_seconds') }} as seen_seconds,
        {{ as_double('episodes.span_seconds - episodes.seen_seconds') }} as unseen_seconds,
        case when alerts.comparator = '>' then episodes.highest_value else episodes.lowest_value end as worst_value,
        episodes.step_seconds,

        episodes.fired_at is not null as is_certain,
        episodes.is_start_seen,
        case
            when episodes.ended_at is not null then 'ended'
            when {{ add_seconds('episodes.last_seen_at', 'episodes.step_seconds') }} >= data_end.data_end_at then 'firing'
            else 'not seen'
        end as end_state
    from episodes
    inner join alerts on episodes.launch_id = alerts.launch_id and episodes.alert_id = alerts.alert_id
    inner join launches on episodes.launch_id = launches.launch_id
    inner join data_end on episodes.launch_id = data_end.launch_id
)

select * from final
