-- value = numerator / denominator, and without a denominator there is no value.
select kpi_daily.*
from {{ ref('kpi_daily') }} as kpi_daily
inner join {{ ref('kpis') }} as kpis on kpi_daily.kpi_id = kpis.kpi_id
where kpis.period_rule = 'ratio'
    and (
        (kpi_daily.value is null) <> (coalesce(kpi_daily.denominator, 0) = 0)
        or abs(kpi_daily.value - kpi_daily.numerator / nullif(kpi_daily.denominator, 0)) > 1e-9 * (1 + abs(kpi_daily.value))
    )
