with plans as (
    select * from {{ ref('stg_config__plans') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

kpis as (
    select * from {{ ref('stg_config__kpis') }}
),

-- of everybody and everything: a plan knows no waves, services or severities
scorecard as (
    select * from {{ ref('scorecard') }}
    where period_kind = 'phase' and subject_id = '' and segment_id = ''
),

months as (
    select
        plans.*,
        kpis.domain,
        {{ add_days('launches.launch_date', 'plans.from_day') }} as period_start,
        {{ add_days('launches.launch_date', 'plans.to_day') }} as period_end
    from plans
    inner join launches on plans.launch_id = launches.launch_id
    inner join kpis on plans.launch_id = kpis.launch_id and plans.kpi_id = kpis.kpi_id
)

select
    months.launch_id,
    months.domain,
    months.kpi_id,
    months.month_number,
    months.period_start,
    months.period_end,
    months.is_per_day,
    months.planned_value,
    case when months.is_per_day then {{ ratio('scorecard.value', 'scorecard.days_seen_count') }} else scorecard.value end as value,
    coalesce(scorecard.is_complete, false) as is_complete,
    coalesce(scorecard.days_seen_count, 0) as days_seen_count
from months
left join scorecard
    on months.launch_id = scorecard.launch_id
    and months.kpi_id = scorecard.kpi_id
    and months.period_start = scorecard.period_start
    and months.period_end = scorecard.period_end
