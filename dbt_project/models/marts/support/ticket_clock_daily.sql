{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_dated_clocks() }}",
        indexes=[{'columns': ['launch_id', 'metric_date']}, {'columns': ['launch_id', 'ticket_id']}]
    )
}}

with judgements as (
    select * from {{ ref('int_ticket_judgements') }}
    where ended_at is null and target_seconds is not null
),

changed as (
    select * from {{ ref('int_ticket_changed') }}
),

days as (
    select * from {{ ref('int_support_days') }}
),

-- the end of the data is read for more tickets than those whose rows are made again here
final as (
    select
        judgements.launch_id,
        judgements.metric_date,
        {{ days_between('judgements.launch_date', 'judgements.metric_date') }} as launch_day,
        judgements.ticket_id,
        judgements.metric,
        judgements.instance_number,

        judgements.priority,
        judgements.started_at,

        judgements.state = 'paused' as is_paused,
        judgements.target_seconds,
        judgements.elapsed_business_seconds,
        judgements.elapsed_calendar_seconds,
        judgements.is_breached,
        judgements.due_seconds_left,
        judgements.support_day_seconds
    from (select *, read_date as metric_date from judgements) as judgements
    inner join days
        on judgements.launch_id = days.launch_id
        and judgements.metric_date = days.metric_date
    left join changed
        on judgements.launch_id = changed.launch_id
        and judgements.ticket_id = changed.ticket_id
    where days.is_new or changed.ticket_id is not null
)

select * from final
