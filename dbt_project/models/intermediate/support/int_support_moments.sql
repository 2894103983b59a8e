with stretches as (
    select * from {{ ref('int_ticket_stretches') }}
),

openings as (
    select * from {{ ref('int_support_openings') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'zendesk'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

offsets as (
    {% for days in range(-6, 2) -%}
    select {{ days }} as days {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- a week more than is covered: the usual length of a support day is that of the last seven
date_starts as (
    select
        covered_dates.launch_id,
        {{ day_start(add_days('covered_dates.metric_date', 'offsets.days'), 'launches.timezone') }} as moment_at
    from covered_dates
    inner join launches
        on covered_dates.launch_id = launches.launch_id
    cross join offsets
),

timeline as (
    select launch_id, opens_at as moment_at, opens_at, closes_at, open_seconds_before from openings

    union all

    select launch_id, from_at as moment_at, null as opens_at, null as closes_at, null as open_seconds_before
    from stretches

    union all

    select distinct
        launch_id, moment_at,
        {{ as_moment('null') }} as opens_at, {{ as_moment('null') }} as closes_at, {{ as_double('null') }} as open_seconds_before
    from date_starts
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
