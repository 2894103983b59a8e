with incident_daily as (
    select * from {{ ref('incident_daily') }}
),

post_mortems as (
    select
        launch_id,
        metric_date,
        severity,
        count(case when post_mortem_status = 'in_time' then 1 end) as in_time_count,
        count(case when post_mortem_status in ('late', 'missed') then 1 end) as late_count
    from {{ ref('int_post_mortems') }}
    group by launch_id, metric_date, severity
),

action_items as (
    select
        launch_id,
        due_date as metric_date,
        coalesce(severity, 'none') as severity,
        count(case when status = 'in_time' then 1 end) as in_time_count,
        count(case when status in ('late', 'missed') then 1 end) as late_count
    from {{ ref('action_items') }}
    group by launch_id, due_date, coalesce(severity, 'none')
),

told as (
    select distinct launch_id from {{ ref('stg_config__action_items') }}
),

-- a launch whose file lists no action item at all does not say that there are none
final as (
    select
        incident_daily.launch_id,
        incident_daily.metric_date,
        incident_daily.severity,
        case when incident_daily.triggered_count is not null then coalesce(post_mortems.in_time_count, 0) end as post_mortems_in_time_count,
        case when incident_daily.triggered_count is not null then coalesce(post_mortems.late_count, 0) end as post_mortems_late_count,
        case when told.launch_id is not null then coalesce(action_items.in_time_count, 0) end as action_items_in_time_count,
        case when told.launch_id is not null then coalesce(action_items.late_count, 0) end as action_items_late_count
    from incident_daily
    left join post_mortems
        on incident_daily.launch_id = post_mortems.launch_id
        and incident_daily.metric_date = post_mortems.metric_date
        and incident_daily.severity = post_mortems.severity
    left join action_items
        on incident_daily.launch_id = action_items.launch_id
        and incident_daily.metric_date = action_items.metric_date
        and incident_daily.severity = action_items.severity
    left join told on incident_daily.launch_id = told.launch_id
)

select * from final
