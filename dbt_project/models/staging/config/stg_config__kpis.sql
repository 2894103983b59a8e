with source as (
    select * from {{ source('config', 'kpis') }}
)

select
    launch_id,
    kpi_id,
    domain,
    source,
    display_order,
    name,
    definition,
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
    seen_by,
    needs_sample,
    is_stability,
    is_volume,
    is_countdown,
    is_net,
    evidence,
    charted,
    is_expected,
    is_declared
from source
