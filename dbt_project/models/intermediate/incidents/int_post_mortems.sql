with incidents as (
    select * from {{ ref('int_incidents') }}
    where is_counted and not is_merged
),

notes as (
    select * from {{ ref('stg_pagerduty__notes') }}
),

patterns as (
    select * from {{ ref('stg_config__incident_patterns') }}
),

targets as (
    select * from {{ ref('stg_config__incident_targets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'pagerduty'
),

note_dates as (
    select * from {{ ref('int_stream_dates') }}
    where stream = 'notes'
),

-- a note that announces a post-mortem has no link to it
written as (
    select
        notes.launch_id,
        notes.incident_id,
        min(notes.noted_at) as post_mortem_at
    from notes
    inner join patterns on notes.launch_id = patterns.launch_id
    where {{ mentions('notes.content', 'patterns.post_mortem') }} and {{ mentions('notes.content', "'https?://'") }}
    group by notes.launch_id, notes.incident_id
),

promised as (
    select
        incidents.*,
        written.post_mortem_at,
        targets.post_mortem_seconds,
        data_end.data_end_at,
        {{ add_seconds('incidents.resolved_at', 'targets.post_mortem_seconds') }} as post_mortem_due_at,
        {{ local_date('incidents.triggered_at', 'launches.timezone') }} as metric_date,
        {{ add_days(local_date('data_end.data_end_at', 'launches.timezone'), -1) }} as last_date,
        {{ local_date(add_seconds('incidents.resolved_at', 'targets.post_mortem_seconds'), 'launches.timezone') }} as due_date
    from incidents
    inner join launches on incidents.launch_id = launches.launch_id
    inner join data_end on incidents.launch_id = data_end.launch_id
    left join written
        on incidents.launch_id = written.launch_id
        and incidents.incident_id = written.incident_id
    left join targets
        on incidents.launch_id = targets.launch_id
        and incidents.severity = targets.severity
        and incidents.triggered_at >= targets.valid_from
        and (targets.valid_to is null or incidents.triggered_at < targets.valid_to)
),

-- without a note: on how many dates, from the trigger to the deadline or the end of the data, notes were pulled
looked as (
    select
        promised.launch_id,
        promised.incident_id,
        count(note_dates.metric_date) as seen_dates_count
    from promised
    inner join note_dates
        on promised.launch_id = note_dates.launch_id
        and promised.metric_date <= note_dates.metric_date
        and promised.due_date >= note_dates.metric_date
        and promised.last_date >= note_dates.metric_date
    group by promised.launch_id, promised.incident_id
),

final as (
    select
        promised.launch_id,
        promised.incident_id,
        promised.metric_date,
        promised.severity,
        promised.post_mortem_at,
        promised.post_mortem_due_at,
        case
            when promised.post_mortem_seconds is null then 'no_target'
            when promised.post_mortem_at <= coalesce(promised.post_mortem_due_at, promised.post_mortem_at) then 'in_time'
            when promised.post_mortem_at is not null then 'late'
            when promised.resolved_at is null then 'open'
            when
                coalesce(looked.seen_dates_count, 0)
                <= {{ days_between('promised.metric_date', 'least(promised.due_date, promised.last_date)') }}
                then 'no_data'
            when promised.post_mortem_due_at <= promised.data_end_at then 'missed'
            else 'open'
        end as post_mortem_status
    from promised
    left join looked
        on promised.launch_id = looked.launch_id
        and promised.incident_id = looked.incident_id
)

select * from final
