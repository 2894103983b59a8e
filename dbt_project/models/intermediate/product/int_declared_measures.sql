{{ config(materialized='view') }}

with event_measures as (
    select * from {{ ref('stg_config__event_measures') }}
),

user_measures as (
    select * from {{ ref('stg_config__user_measures') }}
),

outcome_measures as (
    select * from {{ ref('stg_config__outcome_measures') }}
)

select
    launch_id,
    measure_id,
    0 as item_number,
    event_name,
    property,
    conditions,
    user_day is not null as is_by_user,
    aggregate = 'buckets' as is_by_value
from event_measures
union all
select launch_id, measure_id, item_number, event_name, null as property, conditions, true as is_by_user, false as is_by_value
from user_measures
union all
select launch_id, measure_id, 0 as item_number, event_name, null as property, conditions, true as is_by_user, false as is_by_value
from outcome_measures
