with source as (
    select * from {{ source('config', 'sources') }}
)

select
    source,
    is_dated
from source
