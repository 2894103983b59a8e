{{ config(materialized='view') }}

-- Of what does not add up over days, the value of each period: a user who enters on two days of a week is one.
select
    periods.launch_id,
    measures.measure_id,
    '' as subject_id,
    '' as segment_id,
    periods.period_kind,
    periods.period_start,
    periods.is_counterpart,
    measures.value
from {{ ref('int_activation_periods') }} as periods
{{ each_column('periods', {'activated_count': 'activated', 'entered_count': 'activation_entries'}, 'measures') }}
