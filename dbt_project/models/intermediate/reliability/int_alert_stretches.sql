{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        indexes=[{'columns': ['launch_id', 'alert_id', 'first_at'], 'unique': true}],
        pre_hook="{{ delete_after_dirty_dates('prometheus', 'metric_date', 1) }}",
    )
}}

with points as (
    select * from {{ ref('int_changed_alert_points') }}
    where {{ is_after_dirty_date('prometheus', 'launch_id', 'metric_date', 1) }}
),

alerts as (
    select * from {{ ref('stg_config__alerts') }}
),

judged as (
    select
        points.*,
        alerts.comparator,
        case when alerts.comparator = '>' then points.value > alerts.bound else points.value < alerts.bound end as is_breach,
        {{ grid_step('points.sampled_at', 'points.step_seconds') }} as step_number
    from points
    inner join alerts on points.launch_id = alerts.launch_id and points.alert_id = alerts.alert_id
),

-- points of one state in a row have one number: a step without a point moves on, and so does one of the other state
numbered as (
    select
        *,
        step_number
        - row_number() over (partition by launch_id, alert_id, metric_date, is_breach order by step_number) as stretch_number
    from judged
),

final as (
    select
        launch_id,
        alert_id,

        metric_date,
        min(sampled_at) as first_at,
        max(sampled_at) as last_at,

        is_breach,
        case when comparator = '>' then max(value) else min(value) end as worst_value,
        count(*) as points_count,
        step_seconds
    from numbered
    group by launch_id, alert_id, metric_date, is_breach, comparator, step_seconds, stretch_number
)

select * from final
