{# Days until a level that changes by `slope_per_day` reaches `limit`: 0 if it is there already, null if it never will. #}
{% macro days_until(limit, level, slope_per_day) -%}
    case
        when {{ level }} >= {{ limit }} then 0
        when {{ slope_per_day }} > 0 then ({{ limit }} - {{ level }}) / {{ slope_per_day }}
    end
{%- endmacro %}
