with source as (
    select * from {{ source('ops', 'partition_loads') }}
)

select
    load_id,
    launch_id,
    source,
    stream,
    partition_date,
    window_start_at,
    window_end_at,
    request,
    loaded_at,
    landed_count > 0 or cardinality(warnings) = 0 as is_pulled
from source
