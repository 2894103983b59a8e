{% set counts = [
    'deployments_count', 'hotfixes_count', 'successful_count', 'failed_count', 'in_window_count', 'outside_window_count', 'live_count',
    'live_in_time_count', 'live_late_count', 'watched_count', 'followed_count',
] %}
with deployments as (
    select * from {{ ref('deployments') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'pagerduty'
),

stream_dates as (
    select * from {{ ref('int_stream_dates') }}
    where stream = 'change_events'
),

deployment_keys as (
    select * from {{ ref('stg_config__deployment_keys') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

counted as (
    select
        launch_id,
        metric_date,
        count(*) as deployments_count,
        count(case when is_hotfix then 1 end) as hotfixes_count,
        count(case when is_successful then 1 end) as successful_count,
        count(case when not is_successful then 1 end) as failed_count,
        count(case when is_in_window then 1 end) as in_window_count,
        count(case when not is_in_window then 1 end) as outside_window_count,
        count(live_seconds) as live_count,
        count(case when is_live_in_time then 1 end) as live_in_time_count,
        count(case when not is_live_in_time then 1 end) as live_late_count,
        sum(live_seconds) as live_seconds_sum,
        count(incidents_24h_count) as watched_count,
        count(case when incidents_24h_count > 0 then 1 end) as followed_count
    from deployments
    group by launch_id, metric_date
),

-- a covered date whose change events were not pulled says nothing of deployments
final as (
    select
        covered_dates.launch_id,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,

        {% for column in counts -%}
        case when stream_dates.metric_date is not null then coalesce(counted.{{ column }}, 0) end as {{ column }},
        {% endfor -%}
        case when stream_dates.metric_date is not null then {{ as_double('coalesce(counted.live_seconds_sum, 0)') }} end as live_seconds_sum
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
    inner join deployment_keys on covered_dates.launch_id = deployment_keys.launch_id
    left join stream_dates
        on covered_dates.launch_id = stream_dates.launch_id
        and covered_dates.metric_date = stream_dates.metric_date
    left join counted
        on covered_dates.launch_id = counted.launch_id
        and covered_dates.metric_date = counted.metric_date
)

select * from final
