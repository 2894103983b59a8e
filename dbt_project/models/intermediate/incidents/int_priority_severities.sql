with incidents as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

severities as (
    select
        launch_id,
        severity,
        {{ plain_text('priority_name') }} as priority_name
    from {{ ref('stg_config__severities') }}
),

names as (
    select distinct launch_id, priority_name
    from incidents
    where priority_name is not null
),

-- the name as it is written counts first; then its letters, where they mean one severity only
final as (
    select
        names.launch_id,
        names.priority_name,

        coalesce(
            max(case when severities.priority_name = names.priority_name then severities.severity end),
            case when count(distinct severities.severity) = 1 then max(severities.severity) end
        ) as severity
    from names
    inner join severities
        on names.launch_id = severities.launch_id
        and lower(names.priority_name) = lower(severities.priority_name)
    group by names.launch_id, names.priority_name
)

select * from final
