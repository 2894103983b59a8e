with rules as (
    select * from {{ ref('stg_config__health_rules') }}
),

usage as (
    select * from {{ ref('int_account_usage') }}
),

covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'zendesk'
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

opened as (
    select
        organizations.launch_id,
        organizations.organization_key,
        count(tickets.ticket_id) as tickets_count
    from organizations
    inner join judged_launches on organizations.launch_id = judged_launches.launch_id
    left join tickets
        on organizations.launch_id = tickets.launch_id
        and organizations.organization_id = tickets.organization_id
        and {{ local_date('tickets.created_at', 'judged_launches.timezone') }} between judged_launches.tickets_from_date
        and judged_launches.metric_date
    group by organizations.launch_id, organizations.organization_key
),

measured as (
    select
        usage.*,
        judged_launches.launch_date,
        opened.organization_key is not null as is_organization_known,
        case when judged_launches.is_desk_seen then opened.tickets_count end as tickets_28d_count
    from usage
    inner join judged_launches on usage.launch_id = judged_launches.launch_id
    left join opened
        on usage.launch_id = opened.launch_id
        and lower(usage.account_id) = opened.organization_key
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
                when is_usage_low is null and not is_seen then 'days of the weeks before are not loaded'
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
