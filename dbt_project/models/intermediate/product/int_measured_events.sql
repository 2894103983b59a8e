{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"],
        indexes=[{'columns': ['launch_id', 'event_date']}]
    )
}}

with measures as (
    select * from {{ ref('int_declared_measures') }}
    where not is_by_account
),

{{ mixpanel_events(
    is_dirty_date('mixpanel', 'raw_events.launch_id', 'raw_events.event_date'),
    '(raw_events.launch_id, raw_events.event_name) in (select named.launch_id, named.event_name from measures as named)'
) }},

met as (
    select
        events.launch_id,
        measures.measure_id,
        measures.item_number,
        case when measures.is_by_user or measures.is_by_segment then events.user_key end as user_key,
        events.event_date,
        measures.is_by_value,
        {{ json_number('events.properties', 'measures.property') }} as number
    from events
    inner join measures
        on events.launch_id = measures.launch_id
        and events.event_name = measures.event_name
    where
        (measures.conditions is null or {{ meets_conditions('events.properties', 'measures.conditions') }})
        and (not measures.is_by_user or events.user_key is not null)
)

select
    launch_id,
    measure_id,
    item_number,
    user_key,
    event_date,
    case when is_by_value then {{ significant_digits('number', 3) }} end as rounded_number,
    count(*) as events_count,
    count(number) as numbers_count,
    {{ exact_sum('number') }} as number_sum
from met
group by 1, 2, 3, 4, 5, 6
