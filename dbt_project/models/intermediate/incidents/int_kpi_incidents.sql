with incident_days as (
    select * from {{ ref('incident_daily') }}
),

totals as (
    select
        launch_id,
        metric_date,
        launch_day,
        sum(case when severity = 'P0' then triggered_count else 0 end) as incidents_p0,
        sum(case when severity = 'P1' then triggered_count else 0 end) as incidents_p1,
        sum(case when severity = 'P2' then triggered_count else 0 end) as incidents_p2,
        sum(acknowledge_seconds_sum) as acknowledge_seconds_sum,
        sum(acknowledged_count) as acknowledged_count,
        sum(resolve_seconds_sum) as resolve_seconds_sum,
        sum(resolved_count) as resolved_count
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
    select
        launch_id,
        metric_date,
        launch_day,
        'mean_time_to_acknowledge' as kpi_id,
        {{ ratio('acknowledge_seconds_sum', 'acknowledged_count') }} as value,
        {{ as_double('acknowledge_seconds_sum') }} as numerator,
        {{ as_double('acknowledged_count') }} as denominator
    from totals

    union all

    select
        launch_id,
        metric_date,
        launch_day,
        'mean_time_to_resolve' as kpi_id,
        {{ ratio('resolve_seconds_sum', 'resolved_count') }} as value,
        {{ as_double('resolve_seconds_sum') }} as numerator,
        {{ as_double('resolved_count') }} as denominator
    from totals
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
