with clocks as (
    select * from {{ ref('int_ticket_clocks') }}
),

openings as (
    select * from {{ ref('int_support_openings') }}
),

timeline as (
    select
        launch_id,
        opens_at as moment_at,
        opens_at,
        closes_at,
        open_seconds_before
    from openings

    union all

    select launch_id, started_at as moment_at, null as opens_at, null as closes_at, null as open_seconds_before
    from clocks

    union all

    select launch_id, measured_until_at as moment_at, null as opens_at, null as closes_at, null as open_seconds_before
    from clocks
),

-- openings follow one another, so each greatest value so far belongs to the last opening: no join by ranges of time is needed
located as (
    select
        launch_id,
        moment_at,
        max(opens_at) over (partition by launch_id order by moment_at) as opens_at,
        max(closes_at) over (partition by launch_id order by moment_at) as closes_at,
        max(open_seconds_before) over (partition by launch_id order by moment_at) as open_seconds_before
    from timeline
),

-- before the first opening nothing was open; least() would pass over its nulls, so they are never asked
final as (
    select distinct
        launch_id,

        moment_at,

        case
            when opens_at is null then 0
            else open_seconds_before + {{ seconds_between('opens_at', 'least(moment_at, closes_at)') }}
        end as open_seconds_until
    from located
)

select * from final
