{# Invariants, given beside a model, stated here for CI and read by the gate (plugins/postlaunch/quality/invariants.py), which judges them
   per launch and domain. No other kind of data test is judged there, so none is used. #}

{# An expression that is true for every row; null is a failure. #}
{% test holds(model, expression) %}
select *
from {{ model }}
where ({{ expression }}) is not true
{% endtest %}

{# The columns identify a row: no two rows have the same, and none of them is empty. #}
{% test one_row_a(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {%- for column in columns %} or {{ column }} is null {%- endfor %}
{% endtest %}

{# A query about several rows or tables that returns a row, with its launch_id, for each thing that is wrong. #}
{% test finds_nothing(model, query) %}
{{ query }}
{% endtest %}
