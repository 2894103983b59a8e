{# Alerts over history: the points of Prometheus' grid at which a condition holds, and for how long it has. #}

{# Whether the status of a request's series tells how it ended. error_codes is by default about status codes of HTTP: of another kind of
   value it cannot say that it is no error. #}
{% macro is_classified(status_code, error_codes) -%}
    coalesce(
        {{ matches_fully(status_code, "'[1-5][0-9xX][0-9xX]'") }}
        or ({{ status_code }} is not null and {{ error_codes }} <> '5..'),
        false
    )
{%- endmacro %}

{# The dates whose points a build makes again, as a relation of launch_id and metric_date; all of them where there are no stretches yet. A date
   begins with what its counters grew by since the last sample of the date before, so that the one after a dirty date is made again with it. #}
{% macro dates_of_points(source_name) -%}
    {%- set build_dates = source('ops', 'build_dates') -%}
    {%- set covered_dates = ref('int_covered_dates') -%}
    {%- if table_before('int_alert_stretches') is none -%}
    (select metric_dates.launch_id, metric_dates.metric_date from {{ covered_dates }} as metric_dates where metric_dates.source = '{{ source_name }}') as dates
    {%- else -%}
    (
        select distinct dirty.launch_id, each_metric_date.metric_date
        from {{ build_dates }} as dirty
        {{ each_date('dirty.metric_date', add_days('dirty.metric_date', 1), 'metric_date') }}
        where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
    ) as dates
    {%- endif -%}
{%- endmacro %}
