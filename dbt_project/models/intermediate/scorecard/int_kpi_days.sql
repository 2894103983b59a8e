{{ config(materialized='view') }}

with kpi_daily as (
    select * from {{ ref('kpi_daily') }}
),

final as (
    {% for kind in ['day', 'week', 'month'] %}
    select
        kpi_daily.*,
        '{{ kind }}' as period_kind,
        {{ period_start(kind, 'metric_date') }} as period_start,
        {{ period_end(kind, 'metric_date') }} as period_end,
        row_number() over (
            partition by launch_id, kpi_id, {{ period_start(kind, 'metric_date') }} order by metric_date desc
        ) as days_from_last
    from kpi_daily
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    launch_id,
    domain,
    kpi_id,
    period_kind,
    period_start,
    period_end,
    metric_date,
    days_from_last,
    value,
    numerator,
    denominator
from final
