{# Lists inside JSON, and numbers that come as text: what is not of the expected kind is taken as not there, so an odd record costs itself. #}

{# A `from` item that repeats a row for each object of a JSON list: <alias>.record, and <alias>.position from 1. #}
{% macro each_in_list(column, path, alias) -%}
    {{ return(adapter.dispatch('each_in_list', 'postlaunch')(column, path, alias)) }}
{%- endmacro %}
{% macro postgres__each_in_list(column, path, alias) -%}
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof({{ column }} -> '{{ path }}') = 'array' then {{ column }} -> '{{ path }}' else '[]' end
    ) with ordinality as {{ alias }} (record, position)
{%- endmacro %}

{# True if a JSON object has a key, also with the value null. #}
{% macro json_has(column, key) -%}
    {{ return(adapter.dispatch('json_has', 'postlaunch')(column, key)) }}
{%- endmacro %}
{% macro postgres__json_has(column, key) -%}
    jsonb_exists({{ column }}, '{{ key }}')
{%- endmacro %}

{# True if a JSON list holds a text; false also when there is no such list. #}
{% macro json_list_has(column, path, text) -%}
    {{ return(adapter.dispatch('json_list_has', 'postlaunch')(column, path, text)) }}
{%- endmacro %}
{% macro postgres__json_list_has(column, path, text) -%}
    coalesce({{ column }} -> '{{ path }}' @> '["{{ text }}"]', false)
{%- endmacro %}

{# A text as a whole number (bigint); null if it is none of at most 18 digits. #}
{% macro as_whole_number(text) -%}
    {{ return(adapter.dispatch('as_whole_number', 'postlaunch')(text)) }}
{%- endmacro %}
{% macro postgres__as_whole_number(text) -%}
    case when {{ text }} ~ '^[0-9]{1,18}$' then cast({{ text }} as bigint) end
{%- endmacro %}
