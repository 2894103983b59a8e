{% set counts = [
    'triggered_count', 'acknowledged_count', 'never_acknowledged_count', 'resolved_count', 'open_count', 'handed_over_count', 'merged_count',
    'acknowledged_in_time_count', 'acknowledged_late_count', 'resolved_in_time_count', 'resolved_late_count',
    'escalated_count',
] %}
with counted as (
    select * from {{ ref('int_incident_counts') }}
),

scope as (
    select * from {{ ref('int_incident_scope') }}
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
    select '{{ severity }}' as severity
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- a covered date without incidents has none, unless no service of the launch file is one of the account: then nobody looked
final as (
    select
        covered_dates.launch_id,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,
        severities.severity,

        {% for column in counts -%}
        case when coalesce(scope.is_any_service_seen, true) then coalesce(counted.{{ column }}, 0) end as {{ column }},
        {% endfor -%}
        case when coalesce(scope.is_any_service_seen, true)
                then {{ as_double('coalesce(counted.acknowledge_seconds_sum, 0)') }}
        end as acknowledge_seconds_sum,
        case when coalesce(scope.is_any_service_seen, true)
                then {{ as_double('coalesce(counted.resolve_seconds_sum, 0)') }}
        end as resolve_seconds_sum,

        case when severities.severity = 'none'
                then nullif(concat_ws(
                        '; ',
                        'PagerDuty has no service ' || scope.missing_service_id
                        || case
                            when scope.missing_services_count > 1 then ' and ' || (scope.missing_services_count - 1) || ' more' else ''
                        end
                        || ' of pagerduty.services',
                        counted.unmapped_priority_count || ' incidents have a priority such as ' || counted.unmapped_priority_name
                        || ', which pagerduty.severities does not name'
                    ), '')
        end as notice
    from covered_dates
    inner join launches
        on covered_dates.launch_id = launches.launch_id
    cross join severities
    left join scope
        on covered_dates.launch_id = scope.launch_id
    left join counted
        on covered_dates.launch_id = counted.launch_id
        and covered_dates.metric_date = counted.metric_date
        and severities.severity = counted.severity
)

select * from final
