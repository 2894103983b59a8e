{# True if it happened within the target, false if it came later or was waited for longer; null while neither is certain, or nothing is promised. #}
{% macro is_in_time(seconds, waited_seconds, target_seconds) -%}
    case when {{ seconds }} <= {{ target_seconds }} then true when coalesce({{ seconds }}, {{ waited_seconds }}) > {{ target_seconds }} then false end
{%- endmacro %}
