with clocks as (
    select * from {{ ref('int_ticket_clocks') }}
),

business_time as (
    select * from {{ ref('int_ticket_business_time') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

sla_targets as (
    select * from {{ ref('stg_config__sla_targets') }}
),

measured as (
    select
        clocks.*,
        {{ local_date('clocks.started_at', 'launches.timezone') }} as metric_date,
        launches.launch_date,
        clocks.ended_at is null as is_running,
        sla_targets.target_seconds,
        business_time.elapsed_business_seconds,
        business_time.elapsed_calendar_seconds
    from clocks
    inner join business_time
        on clocks.launch_id = business_time.launch_id
        and clocks.ticket_id = business_time.ticket_id
        and clocks.metric = business_time.metric
    inner join launches
        on clocks.launch_id = launches.launch_id
    left join sla_targets
        on clocks.launch_id = sla_targets.launch_id
        and clocks.priority = sla_targets.priority
        and clocks.metric = sla_targets.metric
),

final as (
    select
        launch_id,
        ticket_id,
        metric,

        metric_date,
        {{ days_between('launch_date', 'metric_date') }} as launch_day,
        priority,
        started_at,
        ended_at,

        is_running,
        target_seconds,
        elapsed_business_seconds,
        elapsed_calendar_seconds,
        coalesce(elapsed_business_seconds > target_seconds, false) as is_breached,
        case when is_running then target_seconds - elapsed_business_seconds end as due_seconds_left
    from measured
)

select * from final
