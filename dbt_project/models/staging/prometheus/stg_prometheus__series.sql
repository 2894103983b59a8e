with series as (
    select * from {{ source('raw', 'prometheus_series') }}
),

final as (
    select
        launch_id,
        metric_id,
        series_id,

        {{ json_text('labels', 'code') }} as status_code,
        {{ as_double(json_text('labels', 'le')) }} as upper_bound_seconds
    from series
)

select * from final
