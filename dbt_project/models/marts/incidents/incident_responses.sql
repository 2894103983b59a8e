with incidents as (
    select * from {{ ref('incidents') }}
    where is_counted
),

period_dates as (
    select * from {{ ref('int_period_dates') }}
    where source = 'pagerduty' and not is_counterpart and period_kind <> 'phase'
),

final as (
    select
        incidents.launch_id,

        period_dates.period_kind,
        period_dates.period_start,
        period_dates.period_end,
        incidents.severity,

        count(*) as triggered_count,
    {% for act, acted in [('acknowledge', 'acknowledged'), ('resolve', 'resolved')] -%}
    count(incidents.{{ act }}_seconds) as {{ acted }}_count,
    {{ exact_average('incidents.' ~ act ~ '_seconds') }} as {{ act }}_seconds_mean,
    percentile_cont(0.5) within group (order by incidents.{{ act }}_seconds) as {{ act }}_seconds_median,
    percentile_cont(0.9) within group (order by incidents.{{ act }}_seconds) as {{ act }}_seconds_p90,
    max(incidents.{{ act }}_target_seconds) as {{ act }}_target_seconds,
    count(case when incidents.is_{{ acted }}_in_time then 1 end) as {{ acted }}_in_time_count,
    count(case when not incidents.is_{{ acted }}_in_time then 1 end) as {{ acted }}_late_count,
        {{ ratio(
            'count(case when incidents.is_' ~ acted ~ '_in_time then 1 end)', 'count(incidents.is_' ~ acted ~ '_in_time)'
        ) }} as {{ acted }}_in_time_ratio,
    case
        when max(incidents.{{ act }}_target_seconds) is null then 'no_target'
        when count(incidents.is_{{ acted }}_in_time) = 0 then 'no_data'
        when count(case when not incidents.is_{{ acted }}_in_time then 1 end) = 0 then 'met'
        else 'missed'
    end as {{ act }}_status{{ ',' if not loop.last }}
    {% endfor %}
    from incidents
    inner join period_dates
        on incidents.launch_id = period_dates.launch_id
        and incidents.metric_date = period_dates.metric_date
    group by incidents.launch_id, period_dates.period_kind, period_dates.period_start, period_dates.period_end, incidents.severity
)

select * from final
