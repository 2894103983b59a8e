with service_levels as (
    select * from {{ ref('service_level_daily') }}
),

latency as (
    select * from {{ ref('int_latency_periods') }}
    where period_kind = 'day'
),

-- the launch is the sum of its services
totals as (
    select
        launch_id,
        metric_date,
        launch_day,
        sum(up_seconds) as up_seconds,
        sum(observed_seconds) as observed_seconds,
        sum(request_count) as request_count,
        sum(error_count) as error_count
    from service_levels
    group by launch_id, metric_date, launch_day
),

kpis as (
    select launch_id, metric_date, launch_day, 'uptime' as kpi_id, up_seconds as numerator, observed_seconds as denominator
    from totals

    union all

    select launch_id, metric_date, launch_day, 'error_rate' as kpi_id, error_count as numerator, request_count as denominator
    from totals

    union all

    select launch_id, metric_date, launch_day, 'request_count' as kpi_id, request_count as numerator, {{ as_double('null') }} as denominator
    from totals

    union all

    select
        totals.launch_id,
        totals.metric_date,
        totals.launch_day,
        'latency_p95' as kpi_id,
        latency.latency_p95_seconds as numerator,
        {{ as_double('null') }} as denominator
    from totals
    left join latency
        on totals.launch_id = latency.launch_id
        and totals.metric_date = latency.period_start
),

final as (
    select
        launch_id,
        'reliability' as domain,
        kpi_id,

        metric_date,
        launch_day,

        case
            when kpi_id in ('uptime', 'error_rate') then {{ ratio('numerator', 'denominator') }}
            else {{ as_double('numerator') }}
        end as value,
        {{ as_double('numerator') }} as numerator,
        {{ as_double('denominator') }} as denominator
    from kpis
)

select * from final
