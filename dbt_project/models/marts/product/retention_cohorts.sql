with members as (
    select * from {{ ref('int_cohort_members') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
    where source = 'mixpanel'
),

cohorts as (
    select
        launch_id,
        period_kind,
        period_days,
        cohort_date,
        count(*) as cohort_size_count
    from members
    group by launch_id, period_kind, period_days, cohort_date
),

retained as (
    select
        members.launch_id,
        members.period_kind,
        members.cohort_date,
        {{ days_between('members.cohort_date', 'user_days.activity_date') }} / members.period_days as period_number,
        count(distinct members.user_key) as retained_count
    from members
    inner join user_days
        on members.launch_id = user_days.launch_id
        and members.user_key = user_days.user_key
        and members.cohort_date <= user_days.activity_date
        and (members.period_kind = 'week' or user_days.activity_date <= {{ add_days('members.cohort_date', 90) }})
    group by 1, 2, 3, 4
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
