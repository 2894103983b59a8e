{% set period_dates = table_before('int_period_dates') %}

with covered_dates as (
    select
        launch_id,
        source,
        metric_date,
        min(metric_date) over (partition by launch_id, source) as data_start_date
    from {{ ref('int_covered_dates') }}
){{ ',' if period_dates }}

{% if period_dates -%}
known_dates as (
    select * from {{ period_dates }}
    where period_kind = 'day' and not is_counterpart
)

select
    coalesce(covered_dates.launch_id, known_dates.launch_id) as launch_id,
    coalesce(covered_dates.metric_date, known_dates.metric_date) as metric_date,
    coalesce(covered_dates.data_start_date <> known_dates.data_start_date, false) as is_start_changed
from covered_dates
full join known_dates
    on covered_dates.launch_id = known_dates.launch_id
    and covered_dates.source = known_dates.source
    and covered_dates.metric_date = known_dates.metric_date
where
    covered_dates.launch_id is null
    or known_dates.launch_id is null
    or covered_dates.data_start_date <> known_dates.data_start_date
{%- else -%}
select launch_id, metric_date, true as is_start_changed from covered_dates
{%- endif %}
