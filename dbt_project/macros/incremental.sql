{# Incremental models keep one rule: the dates of ops.build_dates are deleted, then made again. A date that lost all its rows
   vanishes, and any number of nights gives what one full refresh gives.

       {{ '{{' }} config(materialized='incremental', incremental_strategy='append',
                 pre_hook="{{ '{{' }} delete_dirty_dates('mixpanel', 'event_date') {{ '}}' }}") {{ '}}' }}
       select ... where {{ '{{' }} is_dirty_date('mixpanel', 'launch_id', 'event_date') {{ '}}' }}

   reach_back_days: rows dated this many days before a dirty date depend on it too. #}

{% macro build_id() -%}
    {%- if var('build_id', none) is not none -%}
        {{ var('build_id') | int }}
    {%- else -%}
        (select max(build_id) from {{ source('ops', 'builds') }} where status = 'running')
    {%- endif -%}
{%- endmacro %}

{% macro is_dirty_date(source_name, launch_id, date, reach_back_days=0) -%}
    {%- set build_dates = source('ops', 'build_dates') -%}
    {%- if not is_incremental() -%}
        true
    {%- elif reach_back_days == 0 -%}
        ({{ launch_id }}, {{ date }}) in (
            select dirty.launch_id, dirty.metric_date
            from {{ build_dates }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
        )
    {%- else -%}
        exists (
            select 1
            from {{ build_dates }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
                and dirty.launch_id = {{ launch_id }}
                and {{ date }} between {{ add_days('dirty.metric_date', -reach_back_days) }} and dirty.metric_date
        )
    {%- endif -%}
{%- endmacro %}

{# The pre_hook of a model that remembers dates: it forgets those that are not covered any more. #}
{% macro delete_uncovered_dates(source_name, date_column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (launch_id, {{ date_column }}) not in (
            select covered.launch_id, covered.metric_date
            from {{ ref('int_covered_dates') }} as covered
            where covered.source = '{{ source_name }}'
        )
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{% macro delete_dirty_dates(source_name, date_column, reach_back_days=0) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_dirty_date(source_name, 'launch_id', date_column, reach_back_days) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
