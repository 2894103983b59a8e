{# Every relation lives in the target's schema, `build`: no prefixes, whatever a folder says. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema }}
{%- endmacro %}
