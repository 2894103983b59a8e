with measures as (
    select
        launch_id,
        measure_id,
        aggregate,
        max(user_day) as user_day
    from {{ ref('stg_config__event_measures') }}
    where aggregate <> 'buckets'
    group by launch_id, measure_id, aggregate
),

scope as (
    select * from {{ ref('int_declared_scope') }}
    where is_seen
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

events as (
    select * from {{ ref('int_measured_events') }}
),

answering as (
    select distinct events.launch_id, events.user_key
    from events
    inner join measures
        on events.launch_id = measures.launch_id and events.measure_id = measures.measure_id and measures.user_day is not null
),

beginnings as (
    select
        user_days.launch_id,
        user_days.user_key,
        min(user_days.first_date) as first_date
    from answering
    inner join {{ ref('int_user_days') }} as user_days
        on answering.launch_id = user_days.launch_id
        and answering.user_key = user_days.user_key
    group by user_days.launch_id, user_days.user_key
),

days as (
    select
        events.launch_id,
        events.measure_id,
        events.event_date,
        sum(events.events_count) as events_count,
        sum(events.numbers_count) as numbers_count,
        {{ exact_sum('events.number_sum') }} as number_sum
    from events
    inner join measures on events.launch_id = measures.launch_id and events.measure_id = measures.measure_id
    left join beginnings on events.launch_id = beginnings.launch_id and events.user_key = beginnings.user_key
    where measures.user_day is null or {{ days_between('beginnings.first_date', 'events.event_date') }} = measures.user_day
    group by events.launch_id, events.measure_id, events.event_date
),

-- a covered date without such an event has none of them; what nobody ever sent has no row
final as (
    select
        measures.launch_id,
        measures.measure_id,
        covered_dates.metric_date,
        case measures.aggregate
            when 'count' then days.events_count
            when 'numbers' then days.numbers_count
            else days.number_sum
        end as value
    from measures
    inner join scope on measures.launch_id = scope.launch_id and measures.measure_id = scope.measure_id
    inner join covered_dates on measures.launch_id = covered_dates.launch_id
    left join days
        on measures.launch_id = days.launch_id
        and measures.measure_id = days.measure_id
        and covered_dates.metric_date = days.event_date
)

select
    launch_id,
    measure_id,
    metric_date,
    {{ as_double('coalesce(value, 0)') }} as value
from final
