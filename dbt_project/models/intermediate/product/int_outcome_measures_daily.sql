{{ config(materialized='view') }}

-- Nobody is known to have reached it or not where its event was never sent.
select
    outcome_days.launch_id,
    outcome_days.measure_id,
    outcome_days.metric_date,
    outcome_days.reached_count,
    outcome_days.of_count
from {{ ref('int_outcome_days') }} as outcome_days
inner join {{ ref('int_declared_scope') }} as scope
    on outcome_days.launch_id = scope.launch_id
    and outcome_days.measure_id = scope.measure_id
where scope.is_seen and outcome_days.segment_id = ''
