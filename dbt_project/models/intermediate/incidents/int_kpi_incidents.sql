with incident_days as (
    select * from {{ ref('incident_daily') }}
),

totals as (
    select
        launch_id,
        metric_date,
        launch_day,
        sum(case when severity = 'P0' then triggered_count end) as incidents_p0,
        sum(case when severity = 'P1' then triggered_count end) as incidents_p1,
        sum(case when severity = 'P2' then triggered_count end) as incidents_p2,
        sum(acknowledge_seconds_sum) as acknowledge_seconds_sum,
        sum(acknowledged_count) as acknowledged_count,
        sum(resolve_seconds_sum) as resolve_seconds_sum,
        sum(resolved_count) as resolved_count,
        sum(acknowledged_in_time_count) as acknowledged_in_time_count,
        sum(acknowledged_in_time_count + acknowledged_late_count) as acknowledge_judged_count,
        sum(resolved_in_time_count) as resolved_in_time_count,
        sum(resolved_in_time_count + resolved_late_count) as resolve_judged_count
    from incident_days
    group by launch_id, metric_date, launch_day
),

kpis as (
    {% for severity in ['p0', 'p1', 'p2'] %}
    select
        launch_id,
        metric_date,
        launch_day,
        'incidents_{{ severity }}' as kpi_id,
        {{ as_double('incidents_' ~ severity) }} as value,
        {{ as_double('incidents_' ~ severity) }} as numerator,
        {{ as_double('null') }} as denominator
    from totals

    union all
    {% endfor %}
    {% for kpi, numerator, denominator in [
        ('mean_time_to_acknowledge', 'acknowledge_seconds_sum', 'acknowledged_count'),
        ('mean_time_to_resolve', 'resolve_seconds_sum', 'resolved_count'),
        ('acknowledged_in_time', 'acknowledged_in_time_count', 'acknowledge_judged_count'),
        ('resolved_in_time', 'resolved_in_time_count', 'resolve_judged_count'),
    ] %}
    select
        launch_id,
        metric_date,
        launch_day,
        '{{ kpi }}' as kpi_id,
        {{ ratio(numerator, denominator) }} as value,
        {{ as_double(numerator) }} as numerator,
        {{ as_double(denominator) }} as denominator
    from totals
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        launch_id,
        'incidents' as domain,
        kpi_id,

        metric_date,
        launch_day,

        value,
        numerator,
        denominator
    from kpis
)

select * from final
