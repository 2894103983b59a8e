with kpis as (
    select * from {{ ref('stg_config__kpis') }}
)

select
    launch_id,
    kpi_id,
    domain,
    display_order,
    name,
    unit,
    better,
    period_rule,
    denominator_unit,
    buckets,
    quantile,
    subject_kind,
    subject_name,
    shown_subjects,
    stability_subjects,
    needs_sample,
    is_stability,
    is_volume,
    is_countdown,
    is_net,
    evidence,
    charted,
    is_declared,
    definition
from kpis
