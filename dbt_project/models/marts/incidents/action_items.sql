with action_items as (
    select * from {{ ref('stg_config__action_items') }}
),

incidents as (
    select
        launch_id,
        incident_number,
        min(incident_id) as incident_id,
        min(severity) as severity
    from {{ ref('int_incidents') }}
    group by launch_id, incident_number
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'pagerduty'
),

final as (
    select
        action_items.launch_id,
        action_items.incident_number,
        action_items.item,
        incidents.incident_id,
        incidents.severity,
        action_items.opened_date,
        action_items.due_date,
        action_items.done_date,
        case
            when action_items.done_date <= action_items.due_date then 'in_time'
            when action_items.done_date is not null then 'late'
            when action_items.due_date <= data_end.data_end_date then 'missed'
            else 'open'
        end as status
    from action_items
    left join incidents
        on action_items.launch_id = incidents.launch_id
        and action_items.incident_number = incidents.incident_number
    left join data_end on action_items.launch_id = data_end.launch_id
)

select * from final
