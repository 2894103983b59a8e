with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'zendesk'
),

movements as (
    select * from {{ ref('int_ticket_movements') }}
),

-- a date without tickets has none, unless the brand of the launch file never had one: then nobody looked
launches as (
    select
        launch_id,
        launch_date,
        zendesk_brand_id,
        zendesk_brand_id is null or launch_id in (select movements.launch_id from movements) as is_brand_seen
    from {{ ref('stg_config__launches') }}
),

priorities as (
    {% for priority in ['urgent', 'high', 'normal', 'low', 'none'] -%}
    select '{{ priority }}' as priority {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- a covered date has a row of each priority even if nothing moves
dated as (
    select launch_id, metric_date, priority, opened_count, solved_count, reopened_count, backlog_change
    from movements

    union all

    select
        covered_dates.launch_id, covered_dates.metric_date, priorities.priority,
        0 as opened_count, 0 as solved_count, 0 as reopened_count, 0 as backlog_change
    from covered_dates
    cross join priorities
),

days as (
    select
        launch_id,
        metric_date,
        priority,
        sum(opened_count) as opened_count,
        sum(solved_count) as solved_count,
        sum(reopened_count) as reopened_count,
        sum(backlog_change) as backlog_change
    from dated
    group by launch_id, metric_date, priority
),

-- the backlog needs the tickets from before the first covered date too
balances as (
    select
        days.*,
        sum(backlog_change) over (partition by launch_id, priority order by metric_date rows unbounded preceding) as backlog_count
    from days
),

final as (
    select
        balances.launch_id,

        balances.metric_date,
        {{ days_between('launches.launch_date', 'balances.metric_date') }} as launch_day,
        balances.priority,

        case when launches.is_brand_seen then cast(balances.opened_count as bigint) end as opened_count,
        case when launches.is_brand_seen then cast(balances.solved_count as bigint) end as solved_count,
        case when launches.is_brand_seen then cast(balances.reopened_count as bigint) end as reopened_count,
        case when launches.is_brand_seen then cast(balances.backlog_count as bigint) end as backlog_count,

        case when not launches.is_brand_seen and balances.priority = 'none'
                then 'no ticket of the brand ' || launches.zendesk_brand_id || ' of zendesk.brand_id was ever seen'
        end as notice
    from balances
    inner join covered_dates
        on balances.launch_id = covered_dates.launch_id
        and balances.metric_date = covered_dates.metric_date
    inner join launches
        on balances.launch_id = launches.launch_id
)

select * from final
