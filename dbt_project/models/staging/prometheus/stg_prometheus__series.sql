with series as (
    select * from {{ source('raw', 'prometheus_series') }}
),

metrics as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
),

labelled as (
    select
        series.launch_id,
        series.metric_id,
        series.series_id,
        {{ json_text('series.labels', 'job') }} as job,
        {{ json_text('series.labels', 'instance') }} as instance,
        nullif({{ json_key('series.labels', 'metrics.status_label') }}, '') as status_code,
        lower({{ json_text('series.labels', 'le') }}) as upper_bound
    from series
    inner join metrics
        on series.launch_id = metrics.launch_id
        and series.metric_id = metrics.metric_id
),

final as (
    select
        launch_id,
        metric_id,
        series_id,

        coalesce(job, '') || '/' || coalesce(instance, '') as target,
        status_code,
        case
            when {{ matches_fully('upper_bound', "'[+]?inf|[+-]?[0-9]*[.]?[0-9]+([.]?e[+-]?[0-9]{1,2})?'") }}
                then {{ as_double('upper_bound') }}
        end as upper_bound_seconds
    from labelled
)

select * from final
