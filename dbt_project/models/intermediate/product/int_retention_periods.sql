{{ config(materialized='view') }}

with activity as (
    select * from {{ ref('int_cohort_activity') }}
),

-- Nobody comes back where nobody ever sent what counts as coming back.
seen_launches as (
    select launch_id from {{ ref('int_event_scope') }}
    where is_activity_seen
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
),

retained as (
    select
        launch_id,
        period_kind,
        period_days,
        cohort_date,
        {{ days_between('cohort_date', 'activity_date') }} / period_days as period_number,
        cast(sum(users_count) as bigint) as retained_count
    from activity
    where launch_id in (select seen_launches.launch_id from seen_launches)
    group by 1, 2, 3, 4, 5
),

-- Everybody is active in the period in which they begin.
cohorts as (
    select
        launch_id,
        period_kind,
        period_days,
        cohort_date,
        retained_count as cohort_size_count
    from retained
    where period_number = 0
),

-- Every period that has begun by the data end: days 0 to 90, which verdicts are about, and all weeks.
periods as (
    select
        cohorts.*,
        data_end.data_end_date,
        {{ days_between('cohorts.cohort_date', 'each_period_date.period_date') }} / cohorts.period_days as period_number,
        {{ add_days('each_period_date.period_date', 'cohorts.period_days - 1') }} as period_end_date
    from cohorts
    inner join data_end on cohorts.launch_id = data_end.launch_id
    {{
        each_date(
            'cohorts.cohort_date',
            "case when cohorts.period_kind = 'week' then data_end.data_end_date else least(data_end.data_end_date, " ~ add_days('cohorts.cohort_date', 90) ~ ") end",
            'period_date'
        )
    }}
    where {{ days_between('cohorts.cohort_date', 'each_period_date.period_date') }} % cohorts.period_days = 0
),

final as (
    select
        periods.*,
        coalesce(retained.retained_count, 0) as retained_count,
        periods.period_end_date <= periods.data_end_date as is_complete
    from periods
    left join retained
        on periods.launch_id = retained.launch_id
        and periods.period_kind = retained.period_kind
        and periods.cohort_date = retained.cohort_date
        and periods.period_number = retained.period_number
)

select
    launch_id,
    period_kind,
    cohort_date,
    period_number,
    case period_kind when 'day' then 'on day ' else 'in week ' end || period_number as period_name,
    cohort_size_count,
    retained_count,
    is_complete,
    {{ ratio('retained_count', 'cohort_size_count') }} as retained_ratio
from final
