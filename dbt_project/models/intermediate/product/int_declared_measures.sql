{{ config(materialized='view') }}

with event_measures as (
    select * from {{ ref('stg_config__event_measures') }}
),

user_measures as (
    select * from {{ ref('stg_config__user_measures') }}
),

outcome_measures as (
    select * from {{ ref('stg_config__outcome_measures') }}
),

segmented as (
    select distinct launch_id from {{ ref('stg_config__segments') }}
),

final as (
    select
        launch_id,
        measure_id,
        0 as item_number,
        event_name,
        property,
        conditions,
        user_day is not null as is_by_user,
        aggregate = 'buckets' as is_by_value,
        false as is_by_account
    from event_measures
    union all
    select
        launch_id, measure_id, item_number, event_name, null as property, conditions, true as is_by_user, false as is_by_value,
        false as is_by_account
    from user_measures
    union all
    select
        launch_id, measure_id, 0 as item_number, event_name, null as property, conditions, counted_by = 'user' as is_by_user,
        false as is_by_value, counted_by = 'account' as is_by_account
    from outcome_measures
)

select
    final.launch_id,
    final.measure_id,
    final.item_number,
    final.event_name,
    final.property,
    final.conditions,
    final.is_by_user,
    final.is_by_value,
    final.is_by_account,
    segmented.launch_id is not null and not final.is_by_value as is_by_segment
from final
left join segmented on final.launch_id = segmented.launch_id
