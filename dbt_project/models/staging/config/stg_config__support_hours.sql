with source as (
    select * from {{ source('config', 'support_hours') }}
),

-- the part of an opening during which it was in force
final as (
    select
        launch_id,
        support_date,
        greatest(opens_at, valid_from) as opens_at,
        least(closes_at, coalesce(valid_to, closes_at)) as closes_at
    from source
)

select
    launch_id,
    support_date,
    opens_at,
    closes_at
from final
where opens_at < closes_at
