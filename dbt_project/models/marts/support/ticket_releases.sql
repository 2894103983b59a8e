with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

promises as (
    select * from {{ ref('stg_config__release_promises') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

deployments as (
    select * from {{ ref('int_deployments') }}
    where not is_hotfix and coalesce(is_successful, true)
),

stream_dates as (
    select * from {{ ref('int_stream_dates') }}
    where stream = 'change_events'
),

ends as (
    select
        launch_id,
        min(data_end_at) as data_end_at,
        min(data_end_date) as data_end_date
    from {{ ref('int_data_end') }}
    where source in ('zendesk', 'pagerduty')
    group by launch_id
),

-- a version is released when it first goes live, on however many services it does
versions as (
    select
        launch_id,
        version,
        min(deployed_at) as released_at
    from deployments
    group by launch_id, version
),

releases as (
    select
        launch_id,
        released_at,
        row_number() over (partition by launch_id order by released_at, version) as release_number
    from versions
),

promised as (
    select
        tickets.launch_id,
        tickets.ticket_id,
        tickets.priority,
        tickets.created_at,
        coalesce(tickets.solved_at, tickets.solved_by_at) as solved_at,
        launches.launch_date,
        launches.timezone,
        ends.data_end_at,
        ends.data_end_date,
        (
            select min(releases.release_number)
            from releases
            where releases.launch_id = tickets.launch_id and releases.released_at > tickets.created_at
        ) as first_number
    from tickets
    inner join promises
        on tickets.launch_id = promises.launch_id
        and tickets.priority = promises.priority
    inner join launches on tickets.launch_id = launches.launch_id
    inner join ends
        on tickets.launch_id = ends.launch_id
        and tickets.created_at < ends.data_end_at
),

-- the release that ends the cycle in which a ticket comes begins the next one, which the release after it ends
due as (
    select
        promised.*,
        {{ local_date('promised.created_at', 'promised.timezone') }} as metric_date,
        firsts.released_at as first_release_at,
        seconds.released_at as due_at,
        least(
            {{ local_date('least(seconds.released_at, promised.solved_at)', 'promised.timezone') }}, promised.data_end_date
        ) as decided_date
    from promised
    left join releases as firsts
        on promised.launch_id = firsts.launch_id
        and promised.first_number = firsts.release_number
    left join releases as seconds
        on promised.launch_id = seconds.launch_id
        and promised.first_number + 1 = seconds.release_number
),

seen as (
    select
        due.launch_id,
        due.ticket_id,
        count(stream_dates.metric_date) = {{ days_between('due.metric_date', 'due.decided_date') }} + 1 as is_seen
    from due
    left join stream_dates
        on due.launch_id = stream_dates.launch_id
        and stream_dates.metric_date between due.metric_date and due.decided_date
    group by due.launch_id, due.ticket_id, due.metric_date, due.decided_date
),

final as (
    select
        due.launch_id,
        due.ticket_id,
        due.metric_date,
        {{ days_between('due.launch_date', 'due.metric_date') }} as launch_day,
        due.priority,
        due.created_at,
        due.solved_at,
        due.first_release_at,
        due.due_at,
        case
            when not seen.is_seen then 'no_data'
            when due.solved_at <= coalesce(due.due_at, due.solved_at) then 'in_time'
            when due.due_at is null then 'open'
            when due.solved_at is null then 'missed'
            else 'late'
        end as status
    from due
    inner join seen
        on due.launch_id = seen.launch_id
        and due.ticket_id = seen.ticket_id
)

select * from final
