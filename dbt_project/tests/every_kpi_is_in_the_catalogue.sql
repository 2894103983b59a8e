-- A KPI that the catalogue does not name would silently vanish from the scorecard.
select distinct kpi_daily.kpi_id
from {{ ref('kpi_daily') }} as kpi_daily
left join {{ ref('kpis') }} as kpis on kpi_daily.kpi_id = kpis.kpi_id and kpi_daily.domain = kpis.domain
where kpis.kpi_id is null
