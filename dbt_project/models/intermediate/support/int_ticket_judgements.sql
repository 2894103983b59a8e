with readings as (
    select * from {{ ref('int_ticket_readings') }}
),

priorities as (
    select * from {{ ref('int_ticket_priorities') }}
),

sla_targets as (
    select * from {{ ref('stg_config__sla_targets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- the priority at the end of a clock, or of the date on which it is read while it runs; the promise of the moment at which it started
final as (
    select
        readings.launch_id,
        readings.ticket_id,
        readings.metric,
        readings.instance_number,

        readings.read_date,
        launches.launch_date,
        {{ local_date('readings.started_at', 'launches.timezone') }} as started_date,
        readings.started_at,
        readings.ended_at,
        readings.day_end_at,

        priorities.priority,
        readings.state,
        readings.is_last,

        sla_targets.target_seconds,
        readings.elapsed_business_seconds,
        readings.elapsed_calendar_seconds,
        readings.support_day_seconds,
        coalesce(readings.elapsed_business_seconds > sla_targets.target_seconds, false) as is_breached,
        case when readings.ended_at is null then sla_targets.target_seconds - readings.elapsed_business_seconds end as due_seconds_left
    from readings
    inner join launches
        on readings.launch_id = launches.launch_id
    inner join priorities
        on readings.launch_id = priorities.launch_id
        and readings.ticket_id = priorities.ticket_id
        and (
            (
                readings.ended_at >= priorities.valid_from_at
                and (priorities.valid_to_at is null or readings.ended_at < priorities.valid_to_at)
            )
            or (
                readings.ended_at is null
                and readings.day_end_at > priorities.valid_from_at
                and (priorities.valid_to_at is null or readings.day_end_at <= priorities.valid_to_at)
            )
        )
    left join sla_targets
        on readings.launch_id = sla_targets.launch_id
        and readings.metric = sla_targets.metric
        and priorities.priority = sla_targets.priority
        and readings.started_at >= sla_targets.valid_from
        and (sla_targets.valid_to is null or readings.started_at < sla_targets.valid_to)
)

select * from final
