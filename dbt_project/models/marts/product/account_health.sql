with rules as (
    select * from {{ ref('stg_config__health_rules') }}
),

account_days as (
    select * from {{ ref('account_days') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source in ('mixpanel', 'zendesk')
),

ends as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
),

desk_starts as (
    select * from {{ ref('int_data_end') }}
    where source = 'zendesk'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

organizations as (
    select * from {{ ref('stg_zendesk__organizations') }}
),

tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

judged_launches as (
    select
        ends.launch_id,
        ends.data_end_date as metric_date,
        launches.launch_date,
        launches.timezone,
        {{ add_days('ends.data_end_date', -27) }} as tickets_from_date,
        (
            select count(*)
            from covered_dates
            where
                covered_dates.launch_id = ends.launch_id
                and covered_dates.source = 'zendesk'
                and covered_dates.metric_date between greatest({{ add_days('ends.data_end_date', -27) }}, desk_starts.data_start_date)
                and ends.data_end_date
        ) = {{ days_between(
            'greatest(' ~ add_days('ends.data_end_date', -27) ~ ', desk_starts.data_start_date)', 'ends.data_end_date'
        ) }} + 1 as is_desk_seen
    from ends
    inner join launches on ends.launch_id = launches.launch_id
    left join desk_starts on ends.launch_id = desk_starts.launch_id
    where ends.launch_id in (select rules.launch_id from rules)
),

accounts as (
    select
        account_days.launch_id,
        account_days.account_id,
        min(account_days.metric_date) as first_active_date,
        max(account_days.metric_date) as last_active_date
    from account_days
    inner join judged_launches on account_days.launch_id = judged_launches.launch_id
    group by account_days.launch_id, account_days.account_id
),

-- whole weeks of the account before the last seven days, four at most
weeks as (
    select
        accounts.*,
        judged_launches.metric_date,
        judged_launches.launch_date,
        judged_launches.timezone,
        judged_launches.tickets_from_date,
        judged_launches.is_desk_seen,
        least(4, {{ days_between('accounts.first_active_date', add_days('judged_launches.metric_date', -6)) }} / 7) as weeks_count
    from accounts
    inner join judged_launches on accounts.launch_id = judged_launches.launch_id
),

recent as (
    select
        weeks.launch_id,
        weeks.account_id,
        {% set last_week = "account_days.metric_date > " ~ add_days('weeks.metric_date', -7) -%}
        {{ as_double('sum(case when ' ~ last_week ~ ' then account_days.events_count else 0 end)') }} as events_7d_count,
        {{ as_double('sum(case when ' ~ last_week ~ ' then 0 else account_days.events_count end)') }} as events_before_count
    from weeks
    inner join account_days
        on weeks.launch_id = account_days.launch_id
        and weeks.account_id = account_days.account_id
        and account_days.metric_date > {{ add_days('weeks.metric_date', '-7 * (weeks.weeks_count + 1)') }}
    group by weeks.launch_id, weeks.account_id
),

used as (
    select
        weeks.*,
        (
            select count(*)
            from covered_dates
            where
                covered_dates.launch_id = weeks.launch_id
                and covered_dates.source = 'mixpanel'
                and covered_dates.metric_date > weeks.last_active_date
        ) as inactive_days_count,
        (
            select count(*)
            from covered_dates
            where
                covered_dates.launch_id = weeks.launch_id
                and covered_dates.source = 'mixpanel'
                and covered_dates.metric_date > {{ add_days('weeks.metric_date', '-7 * (weeks.weeks_count + 1)') }}
        ) = 7 * (weeks.weeks_count + 1) as is_seen,
        coalesce(recent.events_7d_count, 0) as events_7d_count,
        coalesce(recent.events_before_count, 0) as events_before_count
    from weeks
    left join recent
        on weeks.launch_id = recent.launch_id
        and weeks.account_id = recent.account_id
),

opened as (
    select
        organizations.launch_id,
        organizations.organization_key,
        judged_launches.is_desk_seen,
        count(tickets.ticket_id) as tickets_count
    from organizations
    inner join judged_launches on organizations.launch_id = judged_launches.launch_id
    left join tickets
        on organizations.launch_id = tickets.launch_id
        and organizations.organization_id = tickets.organization_id
        and {{ local_date('tickets.created_at', 'judged_launches.timezone') }} between judged_launches.tickets_from_date
        and judged_launches.metric_date
    group by organizations.launch_id, organizations.organization_key, judged_launches.is_desk_seen
),

measured as (
    select
        used.*,
        opened.organization_key is not null as is_organization_known,
        case when used.is_desk_seen then opened.tickets_count end as tickets_28d_count,
        case
            when used.weeks_count > 0 and used.is_seen and used.events_before_count > 0
                then used.events_7d_count * used.weeks_count / used.events_before_count
        end as usage_ratio
    from used
    left join opened
        on used.launch_id = opened.launch_id
        and lower(used.account_id) = opened.organization_key
),

tags as (
    select distinct
        organizations.launch_id,
        organizations.organization_key,
        rules.organization_tag
    from organizations
    inner join rules
        on organizations.launch_id = rules.launch_id
        and {{ json_holds('organizations.organization_tags', 'rules.organization_tag') }}
),

-- a condition that holds, does not hold, or cannot be told (null); of a rule one that holds is enough
checked as (
    select
        measured.*,
        rules.colour,
        rules.rule_name,
        rules.inactive_days is not null and measured.inactive_days_count >= rules.inactive_days as is_inactive,
        case when rules.usage_below is null then false else measured.usage_ratio < rules.usage_below end as is_usage_low,
        case when rules.tickets_count is null then false else measured.tickets_28d_count >= rules.tickets_count end as has_tickets,
        case
            when rules.organization_tag is null then false
            when measured.is_organization_known then tags.organization_key is not null
        end as is_tagged,
        rules.organization_tag
    from measured
    inner join rules
        on measured.launch_id = rules.launch_id
        and rules.colour <> 'green'
    left join tags
        on measured.launch_id = tags.launch_id
        and lower(measured.account_id) = tags.organization_key
        and rules.organization_tag = tags.organization_tag
),

told as (
    select
        launch_id,
        account_id,
        colour,
        is_inactive or is_usage_low or has_tickets or is_tagged as holds,
        concat_ws(
            '; ',
            case when is_inactive then 'nobody was active for ' || inactive_days_count || ' days' end,
            case
                when is_usage_low then 'usage of seven days is ' || round(cast(100 * usage_ratio as numeric)) || ' % of a week before'
                when is_usage_low is null then 'no week before to compare usage with'
            end,
            case
                when has_tickets then tickets_28d_count || ' tickets in four weeks'
                when has_tickets is null and not is_organization_known then 'Zendesk has no organization of this name'
                when has_tickets is null then 'tickets of the last four weeks are not loaded'
            end,
            case
                when is_tagged then 'Zendesk tags it ' || organization_tag
                when is_tagged is null and has_tickets is not null then 'Zendesk has no organization of this name'
            end
        ) as reasons
    from checked
),

coloured as (
    select
        launch_id,
        account_id,
        case
            when bool_or(colour = 'red' and holds) then 'red'
            when bool_or(colour = 'yellow' and holds) then 'yellow'
            when bool_or(holds is null) then 'unknown'
            else 'green'
        end as health,
        max(case when colour = 'red' then nullif(reasons, '') end) as red_reasons,
        max(case when colour = 'yellow' then nullif(reasons, '') end) as yellow_reasons
    from told
    group by launch_id, account_id
),

final as (
    select
        measured.launch_id,
        measured.account_id,
        measured.metric_date,
        {{ days_between('measured.launch_date', 'measured.metric_date') }} as launch_day,
        coloured.health,
        rules.rule_name as meaning,
        rules.outreach,
        case coloured.health
            when 'red' then coloured.red_reasons
            when 'yellow' then coloured.yellow_reasons
            when 'unknown' then coalesce(coloured.red_reasons, coloured.yellow_reasons)
        end as reasons,
        measured.first_active_date,
        measured.last_active_date,
        measured.inactive_days_count,
        measured.events_7d_count,
        measured.usage_ratio,
        measured.tickets_28d_count
    from measured
    inner join coloured
        on measured.launch_id = coloured.launch_id
        and measured.account_id = coloured.account_id
    left join rules
        on coloured.launch_id = rules.launch_id
        and coloured.health = rules.colour
)

select * from final
