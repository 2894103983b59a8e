{% set kpi_daily = table_before('kpi_daily') if has_kpi_tables() else none %}

with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
),

rules as (
    select * from {{ ref('int_changed_kpi_rules') }}
),

subjects as (
    select distinct subjects.launch_id, subjects.kpi_id, subjects.subject_id, subjects.segment_id
    from {{ ref('int_kpi_subjects') }} as subjects
    inner join {{ ref('stg_config__kpis') }} as kpis on subjects.launch_id = kpis.launch_id and subjects.kpi_id = kpis.kpi_id
    inner join {{ ref('int_data_end') }} as data_end on kpis.launch_id = data_end.launch_id and kpis.source = data_end.source
),

coverage as (
    select * from {{ ref('int_changed_coverage') }}
),

measured as (
    select launch_id, metric_date from {{ ref('int_changed_measures') }}
    where build_id = {{ build_id() }}
    union
    select launch_id, metric_date from {{ ref('int_changed_measure_buckets') }}
    where build_id = {{ build_id() }}
    union
    select launch_id, metric_date from coverage
){{ ',' if kpi_daily }}

{% if kpi_daily -%}
known_subjects as (
    select distinct launch_id, kpi_id, subject_id, segment_id from {{ kpi_daily }}
),

-- launches of which everything is made again: another launch file, a build that failed, another beginning of the data, a subject that
-- came or went
whole as (
    select launch_id from rules
    where build_id = {{ build_id() }} or {{ is_after_a_failure() }}
    union
    select launch_id from coverage
    where is_start_changed
    union
    select coalesce(subjects.launch_id, known_subjects.launch_id) as launch_id
    from subjects
    full join known_subjects on {{ is_same_kpi('subjects', 'known_subjects') }}
    where subjects.launch_id is null or known_subjects.launch_id is null
),

final as (
    select launch_id, metric_date from measured
    union
    select covered_dates.launch_id, covered_dates.metric_date
    from covered_dates
    inner join whole on covered_dates.launch_id = whole.launch_id
    union
    select known.launch_id, known.metric_date
    from {{ kpi_daily }} as known
    inner join whole on known.launch_id = whole.launch_id
)

select
    final.launch_id,
    final.metric_date,
    whole.launch_id is not null as is_whole
from final
left join whole on final.launch_id = whole.launch_id
{%- else -%}
select distinct launch_id, metric_date, true as is_whole from covered_dates
{%- endif %}
