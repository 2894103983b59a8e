with kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
),

measures as (
    select distinct
        launch_id,
        measure_id,
        subject_id,
        segment_id
    from {{ ref('measures_daily') }}
),

buckets as (
    select distinct
        launch_id,
        measure_id,
        subject_id,
        segment_id
    from {{ ref('measure_buckets_daily') }}
),

targets as (
    select * from {{ ref('stg_config__kpi_targets') }}
),

-- What was ever measured or promised; and of what the launch file can measure, the whole, so that its absence is seen.
final as (
    select
        kpis.launch_id,
        kpis.kpi_id,
        measures.subject_id,
        measures.segment_id
    from kpis
    inner join terms on kpis.launch_id = terms.launch_id and kpis.kpi_id = terms.kpi_id
    inner join measures on terms.launch_id = measures.launch_id and terms.measure_id = measures.measure_id
    where kpis.subject_kind is not null or measures.subject_id = ''

    union

    select
        kpis.launch_id,
        kpis.kpi_id,
        buckets.subject_id,
        buckets.segment_id
    from kpis
    inner join buckets on kpis.launch_id = buckets.launch_id and kpis.buckets = buckets.measure_id

    union

    select
        launch_id,
        kpi_id,
        '' as subject_id,
        '' as segment_id
    from kpis
    where is_expected and coalesce(subject_kind, '') not in ('day', 'category')

    union

    select
        launch_id,
        kpi_id,
        subject_id,
        segment_id
    from targets
)

select
    launch_id,
    kpi_id,
    subject_id,
    segment_id
from final
