with log_entries as (
    select * from {{ ref('stg_pagerduty__log_entries') }}
),

final as (
    select
        launch_id,
        incident_id,

        min(case when entry_type = 'acknowledge_log_entry' then occurred_at end) as first_acknowledged_at,
        max(case when entry_type = 'resolve_log_entry' then occurred_at end) as last_resolved_at,

        count(case when entry_type = 'escalate_log_entry' then 1 end) as escalation_count
    from log_entries
    group by launch_id, incident_id
)

select * from final
