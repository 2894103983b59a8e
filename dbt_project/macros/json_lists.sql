{# Lists inside JSON, and numbers that come as text: what is not of the expected kind is taken as not there, so an odd record costs itself. #}

{# A `from` item that repeats a row for each object of a JSON list: <alias>.record, and <alias>.position from 1. Without a path the column is
   the list. #}
{% macro each_in_list(column, path, alias) -%}
    {{ return(adapter.dispatch('each_in_list', 'postlaunch')(column, path, alias)) }}
{%- endmacro %}
{% macro postgres__each_in_list(column, path, alias) -%}
    {%- set list = column if path is none else column ~ " -> '" ~ path ~ "'" %}
    cross join lateral jsonb_array_elements(case when jsonb_typeof({{ list }}) = 'array' then {{ list }} else '[]' end) with ordinality as {{ alias }} (record, position)
{%- endmacro %}

{# True if a JSON object has a key, also with the value null. #}
{% macro json_has(column, key) -%}
    {{ return(adapter.dispatch('json_has', 'postlaunch')(column, key)) }}
{%- endmacro %}
{% macro postgres__json_has(column, key) -%}
    jsonb_exists({{ column }}, '{{ key }}')
{%- endmacro %}

{# True if a JSON list holds a text (an expression); false also for what is no list. #}
{% macro json_holds(list, text) -%}
    {{ return(adapter.dispatch('json_holds', 'postlaunch')(list, text)) }}
{%- endmacro %}
{% macro postgres__json_holds(list, text) -%}
    coalesce({{ list }} @> jsonb_build_array({{ text }}), false)
{%- endmacro %}

{# A text as a whole number (bigint); null if it is none of at most 18 digits. #}
{% macro as_whole_number(text) -%}
    {{ return(adapter.dispatch('as_whole_number', 'postlaunch')(text)) }}
{%- endmacro %}
{% macro postgres__as_whole_number(text) -%}
    case when {{ text }} ~ '^[0-9]{1,18}$' then cast({{ text }} as bigint) end
{%- endmacro %}

{# The number under a key that is itself a column: a JSON number, or a text that is one and nothing else; null for any other value, and for
   one that no double can hold. #}
{% macro json_number(column, key) -%}
    {{ as_number(json_key(column, key)) }}
{%- endmacro %}

{% macro as_number(text) -%}
    {{ return(adapter.dispatch('as_number', 'postlaunch')(text)) }}
{%- endmacro %}
{% macro postgres__as_number(text) -%}
    case when {{ text }} ~ '^[+-]?[0-9]{1,30}([.][0-9]{0,60})?([eE][+-]?[0-9]{1,2})?$' then cast({{ text }} as double precision) end
{%- endmacro %}

{# True if the properties of an event meet all conditions of a launch file: [{property, operator, value: [...]}], see config/measures.py. #}
{% macro meets_conditions(properties, conditions) -%}
    {{ return(adapter.dispatch('meets_conditions', 'postlaunch')(properties, conditions)) }}
{%- endmacro %}
{% macro postgres__meets_conditions(properties, conditions) -%}
    {%- set is_one %}exists (
                select 1
                from jsonb_array_elements_text(asked.condition -> 'value') as wanted (value)
                where found.value = wanted.value or {{ as_number('found.value') }} = {{ as_number('wanted.value') }}
            ){% endset -%}
    {%- set number, bound = as_number('found.value'), as_number("(asked.condition -> 'value' ->> 0)") -%}
    not exists (
        select 1
        from jsonb_array_elements({{ conditions }}) as asked (condition)
        cross join lateral (select {{ properties }} ->> (asked.condition ->> 'property') as value) as found
        where not coalesce(
            case asked.condition ->> 'operator'
                when 'is set' then found.value is not null
                when 'is not set' then found.value is null
                when '=' then {{ is_one }}
                when 'in' then {{ is_one }}
                when '!=' then found.value is null or not {{ is_one }}
                when 'not in' then found.value is null or not {{ is_one }}
                when '<' then {{ number }} < {{ bound }}
                when '<=' then {{ number }} <= {{ bound }}
                when '>' then {{ number }} > {{ bound }}
                when '>=' then {{ number }} >= {{ bound }}
            end, false
        )
    )
{%- endmacro %}
