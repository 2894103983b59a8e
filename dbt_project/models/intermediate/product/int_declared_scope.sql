with measures as (
    select * from {{ ref('int_declared_measures') }}
),

sent as (
    select
        launch_id,
        event_name,
        bool_or(events_count > 0) as is_sent,
        bool_or(users_count > 0) as is_sent_by_a_user
    from {{ ref('event_volumes_daily') }}
    group by launch_id, event_name
),

carried as (
    select * from {{ ref('stg_mixpanel__event_properties') }}
    where has_value
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

profiled as (
    select distinct launch_id from {{ ref('int_user_accounts') }}
),

-- what a measure needs of its events: that each was sent, and carried the property whose number is read, or that a condition names;
-- where accounts are counted, it or profiles name them
needs as (
    select
        measures.launch_id,
        measures.measure_id,
        'the event ' || measures.event_name as thing,
        coalesce(case when measures.is_by_user then sent.is_sent_by_a_user else sent.is_sent end, false) as is_seen
    from measures
    left join sent on measures.launch_id = sent.launch_id and measures.event_name = sent.event_name
    union all
    select
        measures.launch_id,
        measures.measure_id,
        'the property ' || measures.property || ' of ' || measures.event_name as thing,
        carried.event_name is not null as is_seen
    from measures
    left join carried
        on measures.launch_id = carried.launch_id
        and measures.event_name = carried.event_name
        and measures.property = carried.property
    where measures.property is not null
    union all
    select
        measures.launch_id,
        measures.measure_id,
        'the property ' || launches.account_property || ' of ' || measures.event_name as thing,
        carried.event_name is not null or profiled.launch_id is not null as is_seen
    from measures
    inner join launches on measures.launch_id = launches.launch_id
    left join carried
        on measures.launch_id = carried.launch_id
        and measures.event_name = carried.event_name
        and launches.account_property = carried.property
    left join profiled on measures.launch_id = profiled.launch_id
    where measures.is_by_account
    union all
    select
        measures.launch_id,
        measures.measure_id,
        'the property ' || {{ json_text('condition.record', 'property') }} || ' of ' || measures.event_name as thing,
        carried.event_name is not null as is_seen
    from measures
    {{ each_in_list('measures.conditions', none, 'condition') }}
    left join carried
        on measures.launch_id = carried.launch_id
        and measures.event_name = carried.event_name
        and {{ json_text('condition.record', 'property') }} = carried.property
)

select
    launch_id,
    measure_id,
    bool_and(is_seen) as is_seen,
    min(case when not is_seen then thing end) as missing_thing
from needs
group by launch_id, measure_id
