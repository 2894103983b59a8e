{# Values that engines spell differently: JSON, doubles, pseudonyms, the first row of a group. #}

{# Text at a path of a JSON column, null when it is not there: json_text('record', 'metric_set', 'id'). #}
{% macro json_text(column) -%}
    {{ return(adapter.dispatch('json_text', 'postlaunch')(column, varargs)) }}
{%- endmacro %}
{% macro postgres__json_text(column, path) -%}
    ({{ column }} #>> '{{ '{' ~ path | join(',') ~ '}' }}')
{%- endmacro %}

{# The JSON under a key of a JSON column. #}
{% macro json_value(column, key) -%}
    {{ return(adapter.dispatch('json_value', 'postlaunch')(column, key)) }}
{%- endmacro %}
{% macro postgres__json_value(column, key) -%}
    ({{ column }} -> '{{ key }}')
{%- endmacro %}

{# Text under a key that is itself a column, in a JSON column or at a path of it: json_key('labels', 'status_label'). #}
{% macro json_key(column, key) -%}
    {{ return(adapter.dispatch('json_key', 'postlaunch')(column, key, varargs)) }}
{%- endmacro %}
{% macro postgres__json_key(column, key, path) -%}
    ({{ column }} #> '{{ '{' ~ path | join(',') ~ '}' }}' ->> {{ key }})
{%- endmacro %}

{# A value as a double: models never rely on an engine's idea of `float`. #}
{% macro as_double(value) -%}
    {{ return(adapter.dispatch('as_double', 'postlaunch')(value)) }}
{%- endmacro %}
{% macro postgres__as_double(value) -%}
    cast({{ value }} as double precision)
{%- endmacro %}

{# numerator / denominator as a double; null when there is no denominator. #}
{% macro ratio(numerator, denominator) -%}
    {{ as_double(numerator) }} / nullif({{ as_double(denominator) }}, 0)
{%- endmacro %}

{# Keyed pseudonym of an identifier (HMAC-SHA-256, first 128 bits, hex): config.pseudonym() with its key joined once as `key`. #}
{% macro pseudonym(identifier, key) -%}
    {{ return(adapter.dispatch('pseudonym', 'postlaunch')(identifier, key)) }}
{%- endmacro %}
{% macro postgres__pseudonym(identifier, key) -%}
    encode(substr(sha256({{ key }}.outer_pad || sha256({{ key }}.inner_pad || convert_to({{ identifier }}, 'UTF8'))), 1, 16), 'hex')
{%- endmacro %}

{# The rows of a relation that come first in their group: first_rows('loads', 'launch_id, source', 'load_id desc'). #}
{% macro first_rows(relation, keys, order_by) -%}
    {{ return(adapter.dispatch('first_rows', 'postlaunch')(relation, keys, order_by)) }}
{%- endmacro %}
{% macro postgres__first_rows(relation, keys, order_by) -%}
    select distinct on ({{ keys }}) * from {{ relation }} order by {{ keys }}, {{ order_by }}
{%- endmacro %}

{# Every match of a regular expression replaced. #}
{% macro replace_matches(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_matches', 'postlaunch')(text, pattern, replacement)) }}
{%- endmacro %}
{% macro postgres__replace_matches(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{# True if a regular expression matches somewhere in a text, whatever the case of letters. #}
{% macro mentions(text, pattern) -%}
    {{ return(adapter.dispatch('mentions', 'postlaunch')(text, pattern)) }}
{%- endmacro %}
{% macro postgres__mentions(text, pattern) -%}
    {{ text }} ~* {{ pattern }}
{%- endmacro %}

{# A `from` item that repeats a row for each match of a regular expression in a text: <alias>.value. #}
{% macro each_match(text, pattern, alias) -%}
    {{ return(adapter.dispatch('each_match', 'postlaunch')(text, pattern, alias)) }}
{%- endmacro %}
{% macro postgres__each_match(text, pattern, alias) -%}
    cross join lateral (
        select matches.found[1] as value
        from regexp_matches({{ text }}, '(' || {{ pattern }} || ')', 'g') as matches (found)
    ) as {{ alias }}
{%- endmacro %}

{# Text of other people in one line: without control characters, and without those that turn the reading direction around or have no width. #}
{% macro plain_text(text) -%}
    trim({{ replace_matches(text, '[\\s\\u0001-\\u001f\\u007f-\\u00a0\\u061c\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]+', ' ') }})
{%- endmacro %}

{# Text without what most often names a person: e-mail addresses, and numbers of seven digits or more, also with separators (telephones). #}
{% macro without_personal_data(text) -%}
    {%- set without_addresses = replace_matches(text, '[^\\s@<>,;]+@[^\\s@<>,;]+', '[e-mail]') -%}
    {{ replace_matches(without_addresses, '[+(]*\\d(?:[ ()./-]{0,3}\\d){6,}', '[number]') }}
{%- endmacro %}

{# True where a value keeps its target: at least (>=), more than (>), at most (<=), less than (<). #}
{% macro is_kept(value, comparator, target) -%}
    case {{ comparator }}
        when '>=' then {{ value }} >= {{ target }}
        when '>' then {{ value }} > {{ target }}
        when '<=' then {{ value }} <= {{ target }}
        when '<' then {{ value }} < {{ target }}
    end
{%- endmacro %}

{# After `as`: the engine is to compute a common table expression once, however often it is read: hops as {{ materialized() }} (...). #}
{% macro materialized() -%}
    {{ return(adapter.dispatch('materialized', 'postlaunch')()) }}
{%- endmacro %}
{% macro postgres__materialized() -%}
    materialized
{%- endmacro %}

{# The same, where it costs less to compute it again than to keep it. #}
{% macro not_materialized() -%}
    {{ return(adapter.dispatch('not_materialized', 'postlaunch')()) }}
{%- endmacro %}
{% macro postgres__not_materialized() -%}
    not materialized
{%- endmacro %}

{# Of rows that follow one another in a window, each with a begin and an end as [moment, place]: whether this one counts, which it does if it
   begins after the last that counts has ended; `before` is the end of the last that counted before all of them, or null. #}
{% macro counts_in_turn(begin, end, before, window) -%}
    {{ return(adapter.dispatch('counts_in_turn', 'postlaunch')(begin, end, before, window)) }}
{%- endmacro %}
{% macro postgres__counts_in_turn(begin, end, before, window) -%}
    config.counts_in_turn({{ (begin + end + before) | join(', ') }}) over {{ window }}
{%- endmacro %}
