{# Incremental models keep one rule: the dates of ops.build_dates are deleted, then made again. A date that lost all its rows
   vanishes, and any number of nights gives what one full refresh gives.

       {{ '{{' }} config(materialized='incremental', incremental_strategy='append',
                 pre_hook="{{ '{{' }} delete_dirty_dates('mixpanel', 'event_date') {{ '}}' }}") {{ '}}' }}
       select ... where {{ '{{' }} is_dirty_date('mixpanel', 'launch_id', 'event_date') {{ '}}' }} #}

{% macro build_id() -%}
    {%- if var('build_id', none) is not none -%}
        {{ var('build_id') | int }}
    {%- else -%}
        (select max(build_id) from {{ source('ops', 'builds') }} where status = 'running')
    {%- endif -%}
{%- endmacro %}

{# From the first dirty date to the last, and of these the dirty ones. The bounds say nothing new: by them the engine skips partitions, and
   expects few rows, where a first build of a year among the ops.builds would let it expect the whole history and read it. #}
{% macro is_dirty_date(source_name, launch_id, date) -%}
    {%- if is_incremental() -%}
        {{ date }} between (select min(dirty_dates.metric_date) from {{ dirty_dates(source_name) }})
        and (select max(dirty_dates.metric_date) from {{ dirty_dates(source_name) }})
        and ({{ launch_id }}, {{ date }}) in (select dirty_dates.launch_id, dirty_dates.metric_date from {{ dirty_dates(source_name) }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The dirty dates of a source, as a relation of launch_id and metric_date. #}
{% macro dirty_dates(source_name) -%}
    (
        select dirty.launch_id, dirty.metric_date
        from {{ source('ops', 'build_dates') }} as dirty
        where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
    ) as dirty_dates
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

{% macro delete_dirty_dates(source_name, date_column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_dirty_date(source_name, 'launch_id', date_column) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# The post_hook of a model with an index of some of its rows, which dbt's own `indexes` cannot say. #}
{% macro index_where(columns, condition) -%}
    {{ return(adapter.dispatch('index_where', 'postlaunch')(columns, condition)) }}
{%- endmacro %}
{% macro postgres__index_where(columns, condition) -%}
    {%- if is_incremental() -%}
        select 1
    {%- else -%}
        create index on {{ this }} ({{ columns }}) where {{ condition }}
    {%- endif -%}
{%- endmacro %}
