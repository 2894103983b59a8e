with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

services as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind = 'up'
),

uptime as (
    select * from {{ ref('int_uptime_daily') }}
),

requests as (
    select * from {{ ref('int_requests_daily') }}
),

quantiles as (
    select * from {{ ref('int_latency_quantiles_daily') }}
),

-- a covered date has a row even if nothing was observed on it; it lasts 23, 24 or 25 hours
spine as (
    select
        covered_dates.launch_id,
        services.subject_id as service_id,
        services.subject_name as service_name,
        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        {{ seconds_between(
            day_start('covered_dates.metric_date', 'launches.timezone'),
            day_start(add_days('covered_dates.metric_date', 1), 'launches.timezone')
        ) }} as day_seconds
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join services on covered_dates.launch_id = services.launch_id
),

final as (
    select
        spine.launch_id,
        spine.service_id,
        spine.service_name,

        spine.metric_date,
        spine.launch_day,

        {{ as_double('coalesce(uptime.observed_seconds, 0)') }} as observed_seconds,
        {{ as_double('coalesce(uptime.up_seconds, 0)') }} as up_seconds,
        spine.day_seconds - coalesce(uptime.observed_seconds, 0) as no_data_seconds,
        {{ ratio('uptime.up_seconds', 'uptime.observed_seconds') }} as uptime_ratio,
        cast(round(requests.request_count) as bigint) as request_count,
        cast(round(requests.error_count) as bigint) as error_count,
        {{ ratio('requests.error_count', 'requests.request_count') }} as error_ratio,
        quantiles.latency_p50_seconds,
        quantiles.latency_p95_seconds,
        quantiles.latency_p99_seconds
    from spine
    left join uptime
        on spine.launch_id = uptime.launch_id
        and spine.service_id = uptime.service_id
        and spine.metric_date = uptime.metric_date
    left join requests
        on spine.launch_id = requests.launch_id
        and spine.service_id = requests.service_id
        and spine.metric_date = requests.metric_date
    left join quantiles
        on spine.launch_id = quantiles.launch_id
        and spine.service_id = quantiles.service_id
        and spine.metric_date = quantiles.metric_date
)

select * from final
