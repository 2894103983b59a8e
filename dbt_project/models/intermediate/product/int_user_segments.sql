with segments as (
    select segments.* from {{ ref('int_segments') }} as segments
    where segments.is_known
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

{{ mixpanel_profiles() }},

beginnings as (
    select
        user_days.launch_id,
        user_days.user_key,
        min(user_days.first_date) as first_date
    from {{ ref('int_user_days') }} as user_days
    where
        user_days.first_date is not null
        and user_days.launch_id in (
            select segments.launch_id from segments
            where segments.conditions is null
        )
    group by user_days.launch_id, user_days.user_key
)

select
    segments.launch_id,
    segments.segment_id,
    beginnings.user_key
from segments
inner join launches on segments.launch_id = launches.launch_id
inner join beginnings on segments.launch_id = beginnings.launch_id
where
    segments.conditions is null
    and {{ days_between('launches.launch_date', 'beginnings.first_date') }} >= coalesce(segments.from_day, -1000000)
    and {{ days_between('launches.launch_date', 'beginnings.first_date') }} <= coalesce(segments.to_day, 1000000)
union
select
    segments.launch_id,
    segments.segment_id,
    profiles.user_key
from segments
inner join profiles on segments.launch_id = profiles.launch_id
where segments.conditions is not null and {{ meets_conditions('profiles.properties', 'segments.conditions') }}
