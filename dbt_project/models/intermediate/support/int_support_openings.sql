with openings as (
    select * from {{ ref('stg_config__support_hours') }}
),

-- a night shift may reach into the next day's hours: an opening that begins before all earlier ones have closed goes on with them
marked as (
    select
        launch_id,
        opens_at,
        closes_at,
        max(closes_at) over (
            partition by launch_id
            order by opens_at
            rows between unbounded preceding and 1 preceding
        ) as earlier_closes_at
    from openings
),

numbered as (
    select
        launch_id,
        opens_at,
        closes_at,
        sum(case when opens_at <= earlier_closes_at then 0 else 1 end) over (
            partition by launch_id
            order by opens_at
            rows unbounded preceding
        ) as opening_number
    from marked
),

merged as (
    select
        launch_id,
        opening_number,
        min(opens_at) as opens_at,
        max(closes_at) as closes_at
    from numbered
    group by launch_id, opening_number
),

final as (
    select
        launch_id,

        opens_at,
        closes_at,

        coalesce(
            sum({{ seconds_between('opens_at', 'closes_at') }}) over (
                partition by launch_id
                order by opens_at
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as open_seconds_before
    from merged
)

select * from final
