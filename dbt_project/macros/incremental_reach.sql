{# Dirty dates (macros/incremental.sql) that reach further: dates that depend on earlier ones, and a cheap bound for big tables. #}

{# True for a date that is dirty, or lies up to `reach_days` after a dirty one. #}
{% macro is_after_dirty_date(source_name, launch_id, date, reach_days) -%}
    {%- set build_dates = source('ops', 'build_dates') -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ date }}) in (
            select dirty.launch_id, each_reached_date.reached_date
            from {{ build_dates }} as dirty
            {{ each_date('dirty.metric_date', add_days('dirty.metric_date', reach_days), 'reached_date') }}
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The pre_hook that goes with it. #}
{% macro delete_after_dirty_dates(source_name, date_column, reach_days) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_after_dirty_date(source_name, 'launch_id', date_column, reach_days) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# True for the dates from the first dirty one to the last, and some days around them: lets the engine skip the partitions that a night
   does not need. Says less than the two conditions above and stands beside them. #}
{% macro is_near_dirty_dates(source_name, date, days_before=0, days_after=0) -%}
    {%- set build_dates = source('ops', 'build_dates') -%}
    {%- if is_incremental() -%}
        {{ date }} between (
            select {{ add_days('min(dirty.metric_date)', -days_before) }}
            from {{ build_dates }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
        ) and (
            select {{ add_days('max(dirty.metric_date)', days_after) }}
            from {{ build_dates }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
