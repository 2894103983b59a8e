with segments as (
    select * from {{ ref('stg_config__segments') }}
),

event_scope as (
    select * from {{ ref('int_event_scope') }}
),

{{ mixpanel_profiles() }},

named as (
    select
        segments.launch_id,
        segments.segment_id,
        {{ json_text('condition.record', 'property') }} as property
    from segments
    {{ each_in_list('segments.conditions', none, 'condition') }}
),

carried as (
    select
        named.launch_id,
        named.segment_id,
        named.property
    from named
    inner join profiles on named.launch_id = profiles.launch_id and {{ json_key('profiles.properties', 'named.property') }} is not null
    group by named.launch_id, named.segment_id, named.property
),

-- a condition on what no profile ever said is met by nobody known, and failed by nobody known
lacking as (
    select distinct
        named.launch_id,
        named.segment_id
    from named
    left join carried
        on named.launch_id = carried.launch_id
        and named.segment_id = carried.segment_id
        and named.property = carried.property
    where carried.property is null
)

select
    segments.launch_id,
    segments.segment_id,
    segments.from_day,
    segments.to_day,
    segments.conditions,
    case
        when segments.conditions is null then event_scope.is_beginning_seen
        else lacking.segment_id is null
    end as is_known
from segments
inner join event_scope on segments.launch_id = event_scope.launch_id
left join lacking on segments.launch_id = lacking.launch_id and segments.segment_id = lacking.segment_id
