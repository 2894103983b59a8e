{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where {{ is_unsettled_ticket('launch_id', 'ticket_id') }}{% else %}select 1{% endif %}",
        indexes=[{'columns': ['launch_id', 'ticket_id']}]
    )
}}

with judgements as (
    select * from {{ ref('int_ticket_judgements') }}
    where is_last
),

unsettled as (
    select * from {{ ref('int_ticket_unsettled') }}
),

final as (
    select
        judgements.launch_id,
        judgements.ticket_id,
        judgements.metric,
        judgements.instance_number,

        judgements.started_date as metric_date,
        {{ days_between('judgements.launch_date', 'judgements.started_date') }} as launch_day,
        judgements.priority,
        judgements.started_at,
        judgements.ended_at,

        judgements.ended_at is null as is_running,
        judgements.state = 'paused' as is_paused,
        judgements.target_seconds,
        judgements.elapsed_business_seconds,
        judgements.elapsed_calendar_seconds,
        judgements.is_breached,
        judgements.due_seconds_left
    from judgements
    inner join unsettled
        on judgements.launch_id = unsettled.launch_id
        and judgements.ticket_id = unsettled.ticket_id
)

select * from final
