with service_levels as (
    select * from {{ ref('service_level_daily') }}
),

histograms as (
    select * from {{ ref('int_histogram_periods') }}
    where period_kind = 'day'
),

histogram_kpis as (
    select * from {{ ref('kpi_catalogue') }}
    where domain = 'reliability' and period_rule = 'histogram'
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
        sum(classified_request_count) as classified_request_count,
        sum(error_count) as error_count
    from service_levels
    group by launch_id, metric_date, launch_day
),

kpis as (
    select launch_id, metric_date, launch_day, 'uptime' as kpi_id, up_seconds as numerator, observed_seconds as denominator
    from totals

    union all

    select launch_id, metric_date, launch_day, 'error_rate' as kpi_id, error_count as numerator, classified_request_count as denominator
    from totals

    union all

    select launch_id, metric_date, launch_day, 'request_count' as kpi_id, request_count as numerator, {{ as_double('null') }} as denominator
    from totals

    union all

    select
        totals.launch_id,
        totals.metric_date,
        totals.launch_day,
        histogram_kpis.kpi_id,
        histograms.value as numerator,
        {{ as_double('null') }} as denominator
    from totals
    cross join histogram_kpis
    left join histograms
        on totals.launch_id = histograms.launch_id
        and histogram_kpis.kpi_id = histograms.kpi_id
        and totals.metric_date = histograms.period_start
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
