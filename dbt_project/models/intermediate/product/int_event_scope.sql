with launches as (
    select * from {{ ref('stg_config__launches') }}
),

named_events as (
    select * from {{ ref('int_named_events') }}
    where named_by in ('active_events', 'registration_event')
),

places as (
    select
        launch_id,
        named_by,
        bool_or(is_seen) as is_any_seen,
        min(case when not is_seen then event_name end) as missing_event_name,
        count(case when not is_seen then 1 end) as missing_events_count
    from named_events
    group by launch_id, named_by
),

described as (
    select
        places.*,
        'no user ever sent the event ' || missing_event_name
        || case when missing_events_count > 1 then ' and ' || (missing_events_count - 1) || ' more' else '' end
        || ' of mixpanel.' || named_by as notice
    from places
),

activation as (
    select
        launch_id,
        bool_and(is_seen) as is_seen
    from {{ ref('int_named_events') }}
    where funnel_id = 'activation'
    group by launch_id
),

missing as (
    select
        *,
        row_number() over (partition by launch_id order by measure_id) as place,
        count(*) over (partition by launch_id) as measures_count
    from {{ ref('int_declared_scope') }}
    where not is_seen
),

-- of KPIs that the file declares: what nobody ever sent, or no event ever carried
needed as (
    select
        launch_id,
        'nobody ever sent ' || missing_thing || ', which ' || split_part(measure_id, '.', 1) || ' is made of'
        || case when measures_count > 1 then '; nor what ' || (measures_count - 1) || ' more measures are made of' else '' end as notice
    from missing
    where place = 1
),

-- of launches that say which property names the account
accounts as (
    select
        launches.launch_id,
        'nothing ever carried the property ' || launches.account_property || ' of population.account' as notice
    from launches
    where
        launches.account_property is not null
        and not exists (
            select 1 from {{ ref('stg_mixpanel__event_properties') }} as carried
            where carried.launch_id = launches.launch_id and carried.property = launches.account_property and carried.has_value
        )
        and launches.launch_id not in (select profiled.launch_id from {{ ref('int_user_accounts') }} as profiled)
),

-- without a list every event is activity; without a registration event a user begins with activity
final as (
    select
        launches.launch_id,
        coalesce(active.is_any_seen, true) as is_activity_seen,
        coalesce(registration.is_any_seen, active.is_any_seen, true) as is_beginning_seen,
        coalesce(activation.is_seen, false) as is_activation_seen,
        nullif(concat_ws('; ', active.notice, registration.notice, accounts.notice, needed.notice), '') as notice
    from launches
    left join described as active on launches.launch_id = active.launch_id and active.named_by = 'active_events'
    left join described as registration on launches.launch_id = registration.launch_id and registration.named_by = 'registration_event'
    left join activation on launches.launch_id = activation.launch_id
    left join accounts on launches.launch_id = accounts.launch_id
    left join needed on launches.launch_id = needed.launch_id
)

select
    launch_id,
    is_activity_seen,
    is_beginning_seen,
    is_activation_seen,
    notice
from final
