{% set before = table_before('int_changed_kpi_rules') %}
{% set names = [
    'stg_config__launches', 'stg_config__kpis', 'stg_config__kpi_terms', 'stg_config__kpi_ratios', 'stg_config__kpi_targets',
    'stg_config__phases', 'int_kpi_spans',
] %}

with rules as (
    {% for name in names -%}
    select rules.launch_id, '{{ name }}' || {{ row_text('rules') }} as rule from {{ ref(name) }} as rules
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

digests as (
    select
        launch_id,
        {{ digest('rule') }} as rules_digest
    from rules
    group by launch_id
)

{% if before -%}
select
    digests.launch_id,
    digests.rules_digest,
    case when digests.rules_digest = before.rules_digest then before.build_id else {{ build_id() }} end as build_id
from digests
left join {{ before }} as before on digests.launch_id = before.launch_id
{%- else -%}
select
    launch_id,
    rules_digest,
    {{ build_id() }} as build_id
from digests
{%- endif %}
