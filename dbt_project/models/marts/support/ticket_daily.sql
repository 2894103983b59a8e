with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'zendesk'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

movements as (
    select * from {{ ref('int_ticket_movements') }}
),

-- the backlog needs the tickets from before the first covered date too
balances as (
    select
        launch_id,
        metric_date,
        priority,
        opened_count,
        solved_count,
        sum(opened_count + reopened_count - solved_count) over (
            partition by launch_id, priority
            order by metric_date
            rows unbounded preceding
        ) as backlog_count
    from movements
),

final as (
    select
        balances.launch_id,

        balances.metric_date,
        {{ days_between('launches.launch_date', 'balances.metric_date') }} as launch_day,
        balances.priority,

        cast(balances.opened_count as bigint) as opened_count,
        cast(balances.solved_count as bigint) as solved_count,
        cast(balances.backlog_count as bigint) as backlog_count
    from balances
    inner join covered_dates
        on balances.launch_id = covered_dates.launch_id
        and balances.metric_date = covered_dates.metric_date
    inner join launches
        on balances.launch_id = launches.launch_id
)

select * from final
