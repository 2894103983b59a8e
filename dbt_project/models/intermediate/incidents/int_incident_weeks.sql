{{ config(pre_hook="{{ read_by_index() }}") }}

with incidents as (
    select
        *,
        coalesce(resolved_at, merged_at) as ended_at
    from {{ ref('int_incidents') }}
    where is_counted
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

impact_events as (
    select * from {{ ref('stg_config__impact_events') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

events as (
    select * from {{ ref('int_impact_events') }}
),

-- week 0 is the incident; the others are the same hours by the clock, as many weeks before
weeks as (
    {% for week in range(5) -%}
    select {{ week }} as week
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

windows as (
    select
        incidents.launch_id,
        incidents.incident_id,
        weeks.week,
        launches.timezone,
        launches.launch_date,
        {{ clock_days_later('incidents.triggered_at', '-7 * weeks.week', 'launches.timezone') }} as starts_at,
        {{ add_seconds(
            clock_days_later('incidents.triggered_at', '-7 * weeks.week', 'launches.timezone'),
            seconds_between('incidents.triggered_at', 'incidents.ended_at')
        ) }} as ends_at
    from incidents
    inner join launches on incidents.launch_id = launches.launch_id
    cross join weeks
    where incidents.ended_at is not null and incidents.launch_id in (select impact_events.launch_id from impact_events)
),

-- hours that were loaded whole; of the weeks before, those of the launch in which nothing else was broken
comparable as (
    select windows.*
    from windows
    where
        {{ days_between(local_date('windows.starts_at', 'windows.timezone'), local_date('windows.ends_at', 'windows.timezone')) }} + 1 = (
            select count(*)
            from covered_dates
            where
                covered_dates.launch_id = windows.launch_id
                and covered_dates.metric_date between {{ local_date('windows.starts_at', 'windows.timezone') }}
                and {{ local_date('windows.ends_at', 'windows.timezone') }}
        )
        and (
            windows.week = 0
            or (
                {{ local_date('windows.starts_at', 'windows.timezone') }} >= windows.launch_date
                and not exists (
                    select 1
                    from incidents as others
                    where
                        others.launch_id = windows.launch_id
                        and others.triggered_at < windows.ends_at
                        and (others.ended_at is null or others.ended_at > windows.starts_at)
                )
            )
        )
),

final as (
    select
        comparable.launch_id,
        comparable.incident_id,
        comparable.week,
        impact_events.event_name,
        came.events_count,
        came.users_count
    from comparable
    inner join impact_events on comparable.launch_id = impact_events.launch_id
    cross join lateral (
        select
            {{ as_double('count(*)') }} as events_count,
            {{ as_double('count(distinct events.user_key)') }} as users_count
        from events
        where
            events.launch_id = comparable.launch_id
            and events.event_name = impact_events.event_name
            and events.occurred_at >= comparable.starts_at
            and events.occurred_at < comparable.ends_at
    ) as came
)

select * from final
