with ticket_sla as (
    select * from {{ ref('ticket_sla') }}
),

final as (
    select
        launch_id,

        metric_date,
        launch_day,
        metric,
        priority,

        count(*) as started_count,
        count(case when target_seconds is not null and not is_running and not is_breached then 1 end) as attained_count,
        count(case when is_breached then 1 end) as breached_count,
        count(case when is_running and not is_breached then 1 end) as running_count,
        {{ as_double('sum(case when is_running then 0 else elapsed_business_seconds end)') }} as elapsed_business_seconds_sum,
        count(ended_at) as ended_count
    from ticket_sla
    group by launch_id, metric_date, launch_day, metric, priority
)

select * from final
