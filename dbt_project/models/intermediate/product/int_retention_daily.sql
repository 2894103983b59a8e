{{ config(materialized='view') }}

{%- set retention_days = [1, 7, 30] %}

with retention as (
    select * from {{ ref('retention_cohorts') }}
    where period_kind = 'day' and is_complete and period_number in ({{ retention_days | join(', ') }})
),

dates as (
    select
        launch_id,
        metric_date
    from {{ ref('active_users_daily') }}
),

-- Retention is dated by the day on which it is observed.
observed as (
    {% for number in retention_days %}
    select
        dates.launch_id,
        dates.metric_date,
        '{{ number }}' as retention_day,
        retention.retained_count,
        retention.cohort_size_count
    from dates
    left join retention
        on dates.launch_id = retention.launch_id
        and dates.metric_date = {{ add_days('retention.cohort_date', number) }}
        and retention.period_number = {{ number }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    launch_id,
    metric_date,
    retention_day,
    retained_count,
    cohort_size_count
from observed
