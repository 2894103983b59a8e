with changed as (
    select * from {{ ref('int_ticket_changed') }}
),

unsettled as (
    select * from {{ ref('int_ticket_unsettled') }}
),

clocks as (
    select * from {{ ref('int_ticket_clocks') }}
),

days as (
    select * from {{ ref('int_support_days') }}
),

first_new_end as (
    select min(day_end_at) as first_new_end_at
    from days
    where is_new
),

{% set is_met = 'clocks.from_at < days.day_end_at and (clocks.to_at is null or clocks.to_at >= days.day_end_at)' %}
{% set columns %}
        clocks.*, days.metric_date as read_date, days.day_end_at, days.open_seconds_until, days.support_day_seconds, days.is_last
{%- endset %}

-- Every clock at the end of the data, if it may read otherwise than before; open ones at the end of each date: of the tickets that changed
-- on all dates, of the others on the new ones.
read as (
    select {{ columns }}
    from clocks
    inner join unsettled
        on clocks.launch_id = unsettled.launch_id
        and clocks.ticket_id = unsettled.ticket_id
    inner join days
        on clocks.launch_id = days.launch_id
        and {{ is_met }}
    where days.is_last

    union

    select {{ columns }}
    from clocks
    inner join changed
        on clocks.launch_id = changed.launch_id
        and clocks.ticket_id = changed.ticket_id
    inner join days
        on clocks.launch_id = days.launch_id
        and {{ is_met }}
    where clocks.state in ('running', 'paused')

    union

    select {{ columns }}
    from clocks
    inner join days
        on clocks.launch_id = days.launch_id
        and {{ is_met }}
    where
        clocks.state in ('running', 'paused')
        and days.is_new
        and (clocks.to_at is null or clocks.to_at >= (select first_new_end_at from first_new_end))
),

final as (
    select
        launch_id,
        ticket_id,
        metric,
        instance_number,

        read_date,
        day_end_at,
        started_at,
        case when state = 'ended' then from_at end as ended_at,

        state,
        is_last,
        support_day_seconds,
        business_seconds_before + case when state = 'running' then open_seconds_until - open_seconds_until_start else 0 end
            as elapsed_business_seconds,
        calendar_seconds_before + case when state = 'running' then {{ seconds_between('from_at', 'day_end_at') }} else 0 end
            as elapsed_calendar_seconds
    from read
)

select * from final
