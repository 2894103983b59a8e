{{ config(materialized='view') }}

select
    launch_id,
    period_start as metric_date,
    activated_count,
    entered_count
from {{ ref('int_activation_periods') }}
where period_kind = 'day' and not is_counterpart
