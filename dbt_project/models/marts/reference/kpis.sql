with kpi_catalogue as (
    select * from {{ ref('kpi_catalogue') }}
)

select
    kpi_id,
    domain,
    name,
    unit,
    better,
    period_rule,
    buckets,
    quantile,
    definition
from kpi_catalogue
