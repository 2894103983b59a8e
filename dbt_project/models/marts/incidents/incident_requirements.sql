with incidents as (
    select * from {{ ref('incidents') }}
),

titles as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

notes as (
    select * from {{ ref('stg_pagerduty__notes') }}
),

patterns as (
    select * from {{ ref('stg_config__incident_patterns') }}
    where requirements is not null
),

texts as (
    select
        launch_id,
        incident_id,
        title as content
    from titles
    union all
    select
        launch_id,
        incident_id,
        content
    from notes
),

named as (
    select distinct
        texts.launch_id,
        texts.incident_id,
        each_id.value as requirement_id
    from texts
    inner join patterns on texts.launch_id = patterns.launch_id
    {{ each_match('texts.content', 'patterns.requirements', 'each_id') }}
),

final as (
    select
        named.launch_id,
        named.requirement_id,
        named.incident_id,
        incidents.incident_number,
        incidents.severity,
        incidents.metric_date,
        incidents.launch_day,
        incidents.resolve_seconds,
        incidents.is_counted
    from named
    inner join incidents
        on named.launch_id = incidents.launch_id
        and named.incident_id = incidents.incident_id
)

select * from final
