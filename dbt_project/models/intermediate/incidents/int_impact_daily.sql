with incident_daily as (
    select * from {{ ref('incident_daily') }}
    where severity = 'none'
),

impacts as (
    select * from {{ ref('incident_impacts') }}
),

told as (
    select distinct launch_id from {{ ref('stg_config__impact_events') }}
),

-- what one incident cost is not known, what all of its date cost is not either
summed as (
    select
        launch_id,
        metric_date,
        case when count(*) = count(lost_events_count) then sum(lost_events_count) end as lost_events_count
    from impacts
    group by launch_id, metric_date
),

-- a covered date without incidents lost nothing to them, where anybody looked
final as (
    select
        incident_daily.launch_id,
        incident_daily.metric_date,
        case
            when summed.launch_id is not null then summed.lost_events_count
            when incident_daily.triggered_count is not null then {{ as_double('0') }}
        end as lost_events_count
    from incident_daily
    inner join told on incident_daily.launch_id = told.launch_id
    left join summed
        on incident_daily.launch_id = summed.launch_id
        and incident_daily.metric_date = summed.metric_date
)

select * from final
