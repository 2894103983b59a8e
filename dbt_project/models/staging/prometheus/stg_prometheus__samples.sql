with samples as (
    select * from {{ source('raw', 'prometheus_samples') }}
),

metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
),

final as (
    select
        samples.launch_id,
        samples.metric_id,
        samples.series_id,
        metrics.subject_id,
        metrics.kind,

        samples.sample_date as metric_date,
        samples.sampled_at,

        samples.value,
        metrics.step_seconds,
        samples.load_id
    from samples
    inner join metrics
        on samples.launch_id = metrics.launch_id
        and samples.metric_id = metrics.metric_id
    where {{ is_finite('samples.value') }}
)

select * from final
