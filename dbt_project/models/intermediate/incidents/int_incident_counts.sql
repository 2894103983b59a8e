with incidents as (
    select * from {{ ref('incidents') }}
),

final as (
    select
        launch_id,
        metric_date,
        severity,

        count(case when is_counted then 1 end) as triggered_count,
        count(case when is_counted and is_acknowledged then 1 end) as acknowledged_count,
        count(case when is_counted and not is_acknowledged then 1 end) as never_acknowledged_count,
        count(case when is_counted then resolved_at end) as resolved_count,
        count(case when is_counted and is_open then 1 end) as open_count,
        count(case when is_counted and is_merged then 1 end) as handed_over_count,
        count(case when not is_counted then 1 end) as merged_count,
        sum(case when is_counted then acknowledge_seconds end) as acknowledge_seconds_sum,
        sum(case when is_counted then resolve_seconds end) as resolve_seconds_sum,
        count(case when is_counted and is_acknowledged_in_time then 1 end) as acknowledged_in_time_count,
        count(case when is_counted and not is_acknowledged_in_time then 1 end) as acknowledged_late_count,
        count(case when is_counted and is_resolved_in_time then 1 end) as resolved_in_time_count,
        count(case when is_counted and not is_resolved_in_time then 1 end) as resolved_late_count,
        count(case when is_counted and escalation_count > 0 then 1 end) as escalated_count,
        count(case when severity = 'none' then priority_name end) as unmapped_priority_count,
        min(case when severity = 'none' then priority_name end) as unmapped_priority_name
    from incidents
    group by launch_id, metric_date, severity
)

select * from final
