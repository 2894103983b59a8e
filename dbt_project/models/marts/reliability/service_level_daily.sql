with service_days as (
    select * from {{ ref('int_service_days') }}
),

uptime as (
    select * from {{ ref('int_uptime_daily') }}
    where kind = 'up'
),

requests as (
    select * from {{ ref('int_requests_daily') }}
),

quantiles as (
    select * from {{ ref('int_latency_quantiles_daily') }}
),

final as (
    select
        service_days.launch_id,
        service_days.service_id,
        service_days.service_name,

        service_days.metric_date,
        service_days.launch_day,

        {{ as_double('coalesce(uptime.observed_seconds, 0)') }} as observed_seconds,
        {{ as_double('coalesce(uptime.up_seconds, 0)') }} as up_seconds,
        service_days.day_seconds - coalesce(uptime.observed_seconds, 0) as no_data_seconds,
        {{ ratio('uptime.up_seconds', 'uptime.observed_seconds') }} as uptime_ratio,
        cast(round(requests.request_count) as bigint) as request_count,
        cast(round(requests.gap_request_count) as bigint) as gap_request_count,
        cast(round(requests.classified_request_count) as bigint) as classified_request_count,
        cast(round(requests.error_count) as bigint) as error_count,
        {{ ratio('requests.error_count', 'requests.classified_request_count') }} as error_ratio,
        quantiles.latency_p50_seconds,
        quantiles.latency_p95_seconds,
        quantiles.latency_p99_seconds,

        nullif(concat_ws(
            '; ',
            case when uptime.subject_id is null then 'no sample says whether it is up' end,
            case when requests.service_id is null then 'no request counter was seen' end,
            case
                when requests.odd_status_code is not null
                    then
                        'label ' || service_days.status_label || ' has values such as ' || requests.odd_status_code
                        || ', of which error_codes does not say whether they are errors'
                when requests.classified_request_count is null and requests.request_count is not null
                    then 'no series of its requests has the label ' || service_days.status_label || ', errors are not known'
                when requests.classified_request_count < requests.request_count
                    then 'some series of its requests lack the label ' || service_days.status_label
            end,
            case when requests.gap_request_count > 0 then 'counts requests of dates before it on which nothing was scraped' end,
            case
                when service_days.has_latency and quantiles.service_id is null then 'no latency bucket was seen'
                when not quantiles.has_last_bucket then 'its latency buckets lack le="+Inf", percentiles are not known'
            end
        ), '') as notice
    from service_days
    left join uptime
        on service_days.launch_id = uptime.launch_id
        and service_days.service_id = uptime.subject_id
        and service_days.metric_date = uptime.metric_date
    left join requests
        on service_days.launch_id = requests.launch_id
        and service_days.service_id = requests.service_id
        and service_days.metric_date = requests.metric_date
    left join quantiles
        on service_days.launch_id = quantiles.launch_id
        and service_days.service_id = quantiles.service_id
        and service_days.metric_date = quantiles.metric_date
)

select * from final
