with ticket_days as (
    select
        launch_id,
        metric_date,
        launch_day,
        sum(opened_count) as all_opened_count
    from {{ ref('ticket_daily') }}
    group by launch_id, metric_date, launch_day
),

movements as (
    select * from {{ ref('int_ticket_movements') }}
),

ticket_categories as (
    select * from {{ ref('int_ticket_categories') }}
),

declared as (
    select * from {{ ref('stg_config__ticket_categories') }}
),

categories as (
    select launch_id, category_id, category_name, kind, severity from declared

    union all

    select distinct
        launch_id, 'none' as category_id, 'Without a category' as category_name,
        null as kind, null as severity
    from declared
),

-- a covered date has a row of each category even if nothing moves
dated as (
    select
        movements.launch_id, movements.metric_date, ticket_categories.category_id,
        movements.opened_count, movements.solved_count, movements.reopened_count, movements.backlog_change
    from movements
    inner join ticket_categories
        on movements.launch_id = ticket_categories.launch_id
        and movements.ticket_id = ticket_categories.ticket_id

    union all

    select
        ticket_days.launch_id, ticket_days.metric_date, categories.category_id,
        0 as opened_count, 0 as solved_count, 0 as reopened_count, 0 as backlog_change
    from ticket_days
    inner join categories on ticket_days.launch_id = categories.launch_id
),

days as (
    select
        launch_id,
        metric_date,
        category_id,
        sum(opened_count) as opened_count,
        sum(solved_count) as solved_count,
        sum(reopened_count) as reopened_count,
        sum(backlog_change) as backlog_change
    from dated
    group by launch_id, metric_date, category_id
),

-- the backlog needs the tickets from before the first covered date too
balances as (
    select
        days.*,
        sum(backlog_change) over (partition by launch_id, category_id order by metric_date rows unbounded preceding) as backlog_count
    from days
),

final as (
    select
        balances.launch_id,

        balances.metric_date,
        ticket_days.launch_day,
        balances.category_id,
        categories.category_name,
        categories.kind,
        categories.severity,

        case when ticket_days.all_opened_count is not null then cast(balances.opened_count as bigint) end as opened_count,
        case when ticket_days.all_opened_count is not null then cast(balances.solved_count as bigint) end as solved_count,
        case when ticket_days.all_opened_count is not null then cast(balances.reopened_count as bigint) end as reopened_count,
        case when ticket_days.all_opened_count is not null then cast(balances.backlog_count as bigint) end as backlog_count,

        cast(ticket_days.all_opened_count as bigint) as all_opened_count,
        {{ ratio('balances.opened_count', 'ticket_days.all_opened_count') }} as opened_ratio
    from balances
    inner join ticket_days
        on balances.launch_id = ticket_days.launch_id
        and balances.metric_date = ticket_days.metric_date
    inner join categories
        on balances.launch_id = categories.launch_id
        and balances.category_id = categories.category_id
)

select * from final
