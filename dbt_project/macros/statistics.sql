{# After a table is made: statistics for the planner, which knows nothing of a new table and then loops where it should hash. #}
{% macro analyze_table() -%}
    {{ return(adapter.dispatch('analyze_table', 'postlaunch')()) }}
{%- endmacro %}
{% macro postgres__analyze_table() -%}
    {%- if model.config.materialized != 'view' -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
