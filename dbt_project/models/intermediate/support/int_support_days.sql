with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'zendesk'
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'zendesk'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

moments as (
    select * from {{ ref('int_support_moments') }}
),

seen_dates as (
    select * from {{ ref('int_support_dates') }}
),

finished_builds as (
    select * from {{ source('ops', 'builds') }}
    where status = 'succeeded'
),

offsets as (
    {% for days in range(-6, 1) -%}
    select {{ days }} as days {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- how long the desk was open on each covered date and on the week before
open_days as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        ends.moment_at as day_end_at,
        ends.open_seconds_until,
        offsets.days,
        ends_of_week.open_seconds_until - starts_of_week.open_seconds_until as open_seconds
    from covered_dates
    inner join launches
        on covered_dates.launch_id = launches.launch_id
    cross join offsets
    inner join moments as ends
        on covered_dates.launch_id = ends.launch_id
        and {{ day_start(add_days('covered_dates.metric_date', 1), 'launches.timezone') }} = ends.moment_at
    inner join moments as starts_of_week
        on covered_dates.launch_id = starts_of_week.launch_id
        and {{ day_start(add_days('covered_dates.metric_date', 'offsets.days'), 'launches.timezone') }} = starts_of_week.moment_at
    inner join moments as ends_of_week
        on covered_dates.launch_id = ends_of_week.launch_id
        and {{ day_start(add_days('covered_dates.metric_date', 'offsets.days + 1'), 'launches.timezone') }} = ends_of_week.moment_at
),

usual_days as (
    select
        launch_id,
        metric_date,
        day_end_at,
        open_seconds_until,
        percentile_disc(0.5) within group (order by open_seconds) filter (where open_seconds > 0) as support_day_seconds
    from open_days
    group by launch_id, metric_date, day_end_at, open_seconds_until
),

final as (
    select
        usual_days.launch_id,
        usual_days.metric_date,

        usual_days.day_end_at,
        usual_days.open_seconds_until,
        usual_days.support_day_seconds,

        usual_days.metric_date = data_end.data_end_date as is_last,
        finished_builds.build_id is null or {{ makes_all_tickets() }} as is_new
    from usual_days
    inner join data_end
        on usual_days.launch_id = data_end.launch_id
    inner join seen_dates
        on usual_days.launch_id = seen_dates.launch_id
        and usual_days.metric_date = seen_dates.metric_date
    left join finished_builds
        on seen_dates.build_id = finished_builds.build_id
)

select * from final
