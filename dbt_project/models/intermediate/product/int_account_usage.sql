with rules as (
    select * from {{ ref('stg_config__health_rules') }}
),

account_days as (
    select * from {{ ref('account_days') }}
    where launch_id in (select rules.launch_id from rules)
),

ends as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'mixpanel'
),

dated as (
    select
        launch_id,
        metric_date,
        count(*) over (partition by launch_id order by metric_date desc) - 1 as later_dates_count
    from covered_dates
),

-- whole weeks of the account before the last seven days, four at most
accounts as (
    select
        account_days.launch_id,
        account_days.account_id,
        ends.data_end_date as metric_date,
        min(account_days.metric_date) as first_active_date,
        max(account_days.metric_date) as last_active_date,
        least(4, {{ days_between('min(account_days.metric_date)', add_days('ends.data_end_date', -6)) }} / 7) as weeks_count
    from account_days
    inner join ends on account_days.launch_id = ends.launch_id
    group by account_days.launch_id, account_days.account_id, ends.data_end_date
),

begun as (
    select
        accounts.*,
        7 * (accounts.weeks_count + 1) as days_count,
        {{ add_days('accounts.metric_date', '1 - 7 * (accounts.weeks_count + 1)') }} as compared_from_date,
        {{ add_days('accounts.metric_date', -6) }} as recent_from_date
    from accounts
),

summed as (
    select
        begun.launch_id,
        begun.account_id,
        {{ as_double('sum(account_days.events_count)') }} as events_count,
        {{ as_double('sum(case when account_days.metric_date >= begun.recent_from_date then account_days.events_count else 0 end)') }}
            as events_7d_count
    from begun
    inner join account_days
        on begun.launch_id = account_days.launch_id
        and begun.account_id = account_days.account_id
        and begun.compared_from_date <= account_days.metric_date
    group by begun.launch_id, begun.account_id
),

final as (
    select
        begun.launch_id,
        begun.account_id,
        begun.metric_date,
        begun.first_active_date,
        begun.last_active_date,
        last_dates.later_dates_count as inactive_days_count,
        coalesce(summed.events_7d_count, 0) as events_7d_count,
        coalesce(first_dates.later_dates_count = begun.days_count - 1, false) as is_seen,
        case
            when begun.weeks_count > 0 and first_dates.later_dates_count = begun.days_count - 1
                then summed.events_7d_count * begun.weeks_count / nullif(summed.events_count - summed.events_7d_count, 0)
        end as usage_ratio
    from begun
    inner join dated as last_dates
        on begun.launch_id = last_dates.launch_id
        and begun.last_active_date = last_dates.metric_date
    left join dated as first_dates
        on begun.launch_id = first_dates.launch_id
        and begun.compared_from_date = first_dates.metric_date
    left join summed
        on begun.launch_id = summed.launch_id
        and begun.account_id = summed.account_id
)

select * from final
