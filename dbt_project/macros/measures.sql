{# Columns of marts as measures: rows of (launch_id, domain, measure_id, subject_id, metric_date, value). #}

{# The rows of one mart. `mart` has
     relation   what is read; it has launch_id and metric_date
     domain     whose numbers these are
     columns    column -> measure; a null is no data
     subject    column that says what a row is of; the whole, with subject_id '', is the sum over all of them. Without it there is only the whole
     is_whole_given  true where the relation has rows of the whole itself, because they are no sum
     prefix     column whose text begins the measure: one of metric first_reply and column attained_count is first_reply_attained
     named_by   the same, and nothing stands between: measures that a launch declares are named so #}
{% macro measure_rows(mart) -%}
    {%- set measure_id = 'measures.measure_id' -%}
    {%- if mart.prefix -%}
        {%- set measure_id = "concat(marts." ~ mart.prefix ~ ", '_', measures.measure_id)" -%}
    {%- elif mart.named_by -%}
        {%- set measure_id = "concat(marts." ~ mart.named_by ~ ", measures.measure_id)" -%}
    {%- endif -%}
    {%- set subject_id = "marts." ~ mart.subject if mart.subject else "''" -%}
    {%- set is_summed = mart.subject and not mart.is_whole_given %}
    select
        marts.launch_id,
        '{{ mart.domain }}' as domain,
        {{ measure_id }} as measure_id,
        {{ "coalesce(" ~ subject_id ~ ", '')" if is_summed else subject_id }} as subject_id,
        marts.metric_date,
        {{ 'sum(measures.value)' if is_summed else 'measures.value' }} as value
    from {{ mart.relation }} as marts
    {{ each_column('marts', mart.columns, 'measures') }}
    {% if is_summed -%}
    group by grouping sets (
        (marts.launch_id, {{ measure_id }}, marts.metric_date, {{ subject_id }}),
        (marts.launch_id, {{ measure_id }}, marts.metric_date)
    )
    {%- endif %}
{%- endmacro %}

{# A join that makes each of the columns a row: (measure_id, value). `columns` is column -> measure. #}
{% macro each_column(relation, columns, alias) -%}
    {{ return(adapter.dispatch('each_column', 'postlaunch')(relation, columns, alias)) }}
{%- endmacro %}
{% macro postgres__each_column(relation, columns, alias) -%}
    cross join lateral (
        values
        {%- for column, measure in columns.items() %}
        ('{{ measure }}', {{ as_double(relation ~ '.' ~ column) }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as {{ alias }} (measure_id, value)
{%- endmacro %}

{# Two relations speak of the same KPI of the same subject and segment. #}
{% macro is_same_kpi(one, other) -%}
    {{ one }}.launch_id = {{ other }}.launch_id
    and {{ one }}.kpi_id = {{ other }}.kpi_id
    and {{ one }}.subject_id = {{ other }}.subject_id
    and {{ one }}.segment_id = {{ other }}.segment_id
{%- endmacro %}

{# Two relations speak of the same period of the same subject and segment. #}
{% macro is_same_period(one, other) -%}
    {{ one }}.subject_id = {{ other }}.subject_id
    and {{ one }}.segment_id = {{ other }}.segment_id
    and {{ one }}.period_kind = {{ other }}.period_kind
    and {{ one }}.period_start = {{ other }}.period_start
    and {{ one }}.period_end = {{ other }}.period_end
    and {{ one }}.is_counterpart = {{ other }}.is_counterpart
{%- endmacro %}
