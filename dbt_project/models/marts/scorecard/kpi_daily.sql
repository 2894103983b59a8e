{% for domain in ['product', 'support', 'incidents', 'reliability', 'capacity'] %}
select
    launch_id,
    domain,
    kpi_id,
    metric_date,
    launch_day,
    value,
    numerator,
    denominator
from {{ ref('int_kpi_' ~ domain) }}
{{ 'union all' if not loop.last }}
{% endfor %}
