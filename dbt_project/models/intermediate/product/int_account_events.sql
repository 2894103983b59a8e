{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_dirty_dates('mixpanel', 'event_date') }}"],
        indexes=[{'columns': ['launch_id', 'event_date']}]
    )
}}

with launches as (
    select * from {{ ref('stg_config__launches') }}
    where account_property is not null
),

{{ mixpanel_events(
    is_dirty_date('mixpanel', 'raw_events.launch_id', 'raw_events.event_date'),
    'raw_events.launch_id in (select named.launch_id from launches as named)'
) }},

measures as (
    select * from {{ ref('int_declared_measures') }}
    where is_by_account
),

of_accounts as (
    select
        events.*,
        launches.account_property
    from events
    inner join launches on events.launch_id = launches.launch_id
),

-- what is counted by account: activity, and the events of each measure
counted as (
    select launch_id, '' as measure_id, user_key, event_date, properties, account_property
    from of_accounts
    where {{ is_activity('launch_id', 'event_name') }}
    union all
    select
        of_accounts.launch_id, measures.measure_id, of_accounts.user_key, of_accounts.event_date, of_accounts.properties,
        of_accounts.account_property
    from of_accounts
    inner join measures on of_accounts.launch_id = measures.launch_id and of_accounts.event_name = measures.event_name
    where measures.conditions is null or {{ meets_conditions('of_accounts.properties', 'measures.conditions') }}
)

select
    counted.launch_id,
    counted.measure_id,
    named.account_id,
    counted.user_key,
    counted.event_date,
    count(*) as events_count
from counted
cross join pseudonym_key
{{ each_account('counted.properties', 'counted.account_property', 'named') }}
where named.account_id is not null or counted.user_key is not null
group by 1, 2, 3, 4, 5
