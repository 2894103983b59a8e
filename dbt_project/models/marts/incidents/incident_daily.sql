with incidents as (
    select * from {{ ref('incidents') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'pagerduty'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

severities as (
    {% for severity in ['P0', 'P1', 'P2', 'P3', 'none'] -%}
    select '{{ severity }}' as severity {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        covered_dates.launch_id,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        severities.severity,

        count(incidents.incident_id) as triggered_count,
        count(incidents.acknowledged_at) as acknowledged_count,
        count(case when not incidents.is_acknowledged then 1 end) as never_acknowledged_count,
        count(incidents.resolved_at) as resolved_count,
        count(case when incidents.is_open then 1 end) as open_count,
        {{ as_double('coalesce(sum(incidents.acknowledge_seconds), 0)') }} as acknowledge_seconds_sum,
        {{ as_double('coalesce(sum(incidents.resolve_seconds), 0)') }} as resolve_seconds_sum
    from covered_dates
    inner join launches
        on covered_dates.launch_id = launches.launch_id
    cross join severities
    left join incidents
        on covered_dates.launch_id = incidents.launch_id
        and covered_dates.metric_date = incidents.metric_date
        and severities.severity = incidents.severity
    group by covered_dates.launch_id, covered_dates.metric_date, launches.launch_date, severities.severity
)

select * from final
