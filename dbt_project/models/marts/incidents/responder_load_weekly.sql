with interruptions as (
    select * from {{ ref('int_interruptions') }}
),

duties as (
    select * from {{ ref('stg_pagerduty__oncalls') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'pagerduty'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

days as (
    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        {{ period_start('week', 'covered_dates.metric_date') }} as week_start,
        {{ day_start('covered_dates.metric_date', 'launches.timezone') }} as starts_at,
        {{ day_start(add_days('covered_dates.metric_date', 1), 'launches.timezone') }} as ends_at
    from covered_dates
    inner join launches on covered_dates.launch_id = launches.launch_id
),

on_duty as (
    select distinct
        days.launch_id,
        days.week_start,
        duties.responder_key
    from days
    inner join duties
        on days.launch_id = duties.launch_id
        and days.ends_at > coalesce(duties.starts_at, days.starts_at)
        and days.starts_at < coalesce(duties.ends_at, days.ends_at)
    where duties.responder_key is not null
),

interrupted as (
    select
        days.launch_id,
        days.week_start,
        interruptions.responder_key,
        count(*) as interruptions_count,
        count(case when interruptions.is_asleep then 1 end) as sleep_interruptions_count,
        count(distinct case when interruptions.is_asleep then interruptions.metric_date end) as broken_nights_count
    from interruptions
    inner join days
        on interruptions.launch_id = days.launch_id
        and interruptions.metric_date = days.metric_date
    group by days.launch_id, days.week_start, interruptions.responder_key
),

people as (
    select
        launch_id,
        week_start,
        responder_key
    from on_duty
    union
    select
        launch_id,
        week_start,
        responder_key
    from interrupted
),

weeks as (
    select
        launch_id,
        week_start,
        count(*) as covered_days_count
    from days
    group by launch_id, week_start
),

loads as (
    select
        people.launch_id,
        people.week_start,
        weeks.covered_days_count,
        people.responder_key,
        coalesce(interrupted.interruptions_count, 0) as interruptions_count,
        coalesce(interrupted.sleep_interruptions_count, 0) as sleep_interruptions_count,
        coalesce(interrupted.broken_nights_count, 0) as broken_nights_count
    from people
    inner join weeks
        on people.launch_id = weeks.launch_id
        and people.week_start = weeks.week_start
    left join interrupted
        on people.launch_id = interrupted.launch_id
        and people.week_start = interrupted.week_start
        and people.responder_key = interrupted.responder_key
),

final as (
    select
        *,
        {{ ratio('interruptions_count', 'sum(interruptions_count) over (partition by launch_id, week_start)') }}
            as interruptions_share_ratio,
        {{ ratio('1', 'count(*) over (partition by launch_id, week_start)') }} as even_share_ratio
    from loads
)

select * from final
