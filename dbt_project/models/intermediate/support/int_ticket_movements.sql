with tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

status_changes as (
    select * from {{ ref('int_ticket_status_changes') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
),

priorities as (
    {% for priority in ['urgent', 'high', 'normal', 'low', 'none'] -%}
    select '{{ priority }}' as priority {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- a ticket is opened once, and solved and reopened as often as it happens; a covered date has a row even if nothing moves
movements as (
    select
        tickets.launch_id,
        {{ local_date('tickets.created_at', 'launches.timezone') }} as metric_date,
        tickets.priority,
        1 as opened_count,
        0 as solved_count,
        0 as reopened_count
    from tickets
    inner join launches
        on tickets.launch_id = launches.launch_id

    union all

    select
        status_changes.launch_id,
        {{ local_date('status_changes.changed_at', 'launches.timezone') }} as metric_date,
        tickets.priority,
        0 as opened_count,
        case when status_changes.is_solution then 1 else 0 end as solved_count,
        case when status_changes.is_solution then 0 else 1 end as reopened_count
    from status_changes
    inner join tickets
        on status_changes.launch_id = tickets.launch_id
        and status_changes.ticket_id = tickets.ticket_id
    inner join launches
        on status_changes.launch_id = launches.launch_id

    union all

    select
        covered_dates.launch_id,
        covered_dates.metric_date,
        priorities.priority,
        0 as opened_count,
        0 as solved_count,
        0 as reopened_count
    from covered_dates
    cross join priorities
    where covered_dates.source = 'zendesk'
),

final as (
    select
        launch_id,

        metric_date,
        priority,

        sum(opened_count) as opened_count,
        sum(solved_count) as solved_count,
        sum(reopened_count) as reopened_count
    from movements
    group by launch_id, metric_date, priority
)

select * from final
