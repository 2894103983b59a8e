{# What a night changed of measures, and so of KPIs. What measures are is compared with what the last build left, so nothing that feeds them has to
   say which dates it touched; everything after that is made again by date, or by the periods that such a date has a say in:

       int_measures ─────────> int_changed_measures ────────┬─> measures_daily
       int_measure_buckets ──> int_changed_measure_buckets ─┼─> measure_buckets_daily
       int_covered_dates ────> int_changed_coverage ────────┤
       launch file ──────────> int_changed_kpi_rules ───────┴─> int_changed_kpi_dates ──> int_changed_kpi_periods
                                                                └─> kpi_daily             └─> int_kpi_quantiles, ..., scorecard

   Without one of these tables, in a full refresh, and after a build that failed or a dbt that was killed, everything counts as changed. #}

{# Rows of a relation that the table `before` does not have so, and is_gone: those of the table that the relation does not have any more. A
   night that none of its inputs changed for does not make the answer again: build_id says of which night it is. #}
{% macro changed_rows(relation, before, keys, values) -%}
    {%- if before -%}
    select
        {% for key in keys -%}
        coalesce(made.{{ key }}, before.{{ key }}) as {{ key }},
        {% endfor -%}
        {% for value in values -%}
        made.{{ value }},
        {% endfor -%}
        made.launch_id is null as is_gone,
        {{ build_id() }} as build_id
    from {{ relation }} as made
    full join {{ before }} as before
        on {% for key in keys %}made.{{ key }} = before.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    where made.launch_id is null or before.launch_id is null
        {% for value in values %} or made.{{ value }} is distinct from before.{{ value }}{% endfor %}
    {%- else -%}
    select {{ (keys + values) | join(', ') }}, false as is_gone, {{ build_id() }} as build_id from {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# The pre_hook of the table that was compared. #}
{% macro delete_changed_rows(changed_rows, keys) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where ({{ keys | join(', ') }}) in (select {{ 'changed.' ~ keys | join(', changed.') }} from {{ ref(changed_rows) }} as changed)
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# Whether each table that is made by date or period is there, as the last build left it. #}
{% macro has_kpi_tables() -%}
    {%- set names = [
        'measures_daily', 'measure_buckets_daily', 'int_period_dates', 'kpi_daily', 'int_kpi_quantiles', 'int_kpi_periods',
        'int_kpi_changes', 'int_kpi_targets', 'scorecard',
    ] -%}
    {%- set found = [] -%}
    {%- for name in names if table_before(name) -%}
        {%- do found.append(name) -%}
    {%- endfor -%}
    {{ return(found | length == names | length) }}
{%- endmacro %}

{# Whether the build before this one failed, or a dbt of this one was killed: it may have taken notice of what it did not come to make. #}
{% macro is_after_a_failure() -%}
    {{ var('is_begun_again') }} or not exists (
        select 1 from {{ source('ops', 'builds') }} as builds
        where builds.status = 'succeeded'
            and builds.build_id = (
                select max(earlier.build_id) from {{ source('ops', 'builds') }} as earlier where earlier.build_id < {{ build_id() }}
            )
    )
{%- endmacro %}

{# A row as one text, and what tells many of them from others. #}
{% macro row_text(alias) -%}
    {{ return(adapter.dispatch('row_text', 'postlaunch')(alias)) }}
{%- endmacro %}
{% macro postgres__row_text(alias) -%}
    cast({{ alias }} as text)
{%- endmacro %}

{% macro digest(text) -%}
    {{ return(adapter.dispatch('digest', 'postlaunch')(text)) }}
{%- endmacro %}
{% macro postgres__digest(text) -%}
    md5(string_agg({{ text }}, ',' order by {{ text }}))
{%- endmacro %}

{# The condition of a model with rows by date, and its pre_hook. #}
{% macro is_changed_kpi_date(launch_id, date) -%}
    {%- set changed_dates = ref('int_changed_kpi_dates') -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ date }}) in (select changed.launch_id, changed.metric_date from {{ changed_dates }} as changed)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_kpi_dates() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_changed_kpi_date('launch_id', 'metric_date') }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# The condition of a model with rows by period, and its pre_hook. #}
{% macro is_changed_kpi_period(relation) -%}
    {%- set changed_periods = ref('int_changed_kpi_periods') -%}
    {%- if is_incremental() -%}
        ({{ relation }}.launch_id, {{ relation }}.period_kind, {{ relation }}.period_start, {{ relation }}.period_end) in (
            select changed.launch_id, changed.period_kind, changed.period_start, changed.period_end from {{ changed_periods }} as changed
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_kpi_periods() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as made where {{ is_changed_kpi_period('made') }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
