{# Dirty dates (macros/incremental.sql) for series that count from their last sample, however long ago it was: a dirty date also changes the
   next date on which a series has samples. `days`: a relation of one row a series and date, with an index on launch_id, series_id and
   metric_date, so that a night costs some index probes a series and not a look at the history. #}

{% macro is_dirty_or_next_date(source_name, days, launch_id, date) -%}
    {%- set build_dates = source('ops', 'build_dates') -%}
    {%- set series = ref('stg_prometheus__series') -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ date }}) in (
            select dirty.launch_id, dirty.metric_date
            from {{ build_dates }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
            union
            select
                dirty.launch_id,
                (
                    select min(later.metric_date)
                    from {{ days }} as later
                    where later.launch_id = dirty.launch_id and later.series_id = series.series_id and later.metric_date > dirty.metric_date
                ) as next_date
            from {{ build_dates }} as dirty
            inner join {{ series }} as series on dirty.launch_id = series.launch_id
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The pre_hook that goes with it. #}
{% macro delete_dirty_and_next_dates(source_name, days, date_column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_dirty_or_next_date(source_name, days, 'launch_id', date_column) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
