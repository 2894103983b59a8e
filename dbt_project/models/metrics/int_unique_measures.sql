with user_measures as (
    select distinct launch_id, measure_id from {{ ref('stg_config__user_measures') }}
),

scope as (
    select * from {{ ref('int_declared_scope') }}
    where is_seen
),

terms as (
    select * from {{ ref('stg_config__kpi_terms') }}
),

periods as (
    select distinct launch_id, period_kind, period_start, period_end, is_counterpart from {{ ref('int_period_dates') }}
    where source = 'mixpanel'
),

users as (
    select * from {{ ref('int_user_measure_periods') }}
),

funnels as (
    select * from {{ ref('int_funnel_measures') }}
),

-- a period in which nobody did it counts none; what nobody ever did has no rows
counted as (
    select user_measures.launch_id, user_measures.measure_id
    from user_measures
    inner join scope on user_measures.launch_id = scope.launch_id and user_measures.measure_id = scope.measure_id
    union
    select launch_id, measure_id from terms
    where measure_id = 'period_active_users'
),

final as (
    select
        funnels.launch_id,
        funnels.period_kind,
        funnels.period_start,
        funnels.period_end,
        false as is_counterpart,
        funnels.measure_id || columns.measure_id as measure_id,
        columns.value
    from funnels
    {{ each_column('funnels', {'good_count': '.good', 'of_count': '.of'}, 'columns') }}
    union all
    select
        periods.launch_id,
        periods.period_kind,
        periods.period_start,
        periods.period_end,
        periods.is_counterpart,
        counted.measure_id,
        {{ as_double('coalesce(users.users_count, 0)') }} as value
    from periods
    inner join counted on periods.launch_id = counted.launch_id
    left join users
        on periods.launch_id = users.launch_id
        and counted.measure_id = users.measure_id
        and periods.period_kind = users.period_kind
        and periods.period_start = users.period_start
        and periods.period_end = users.period_end
        and periods.is_counterpart = users.is_counterpart
)

select
    launch_id,
    measure_id,
    period_kind,
    period_start,
    period_end,
    is_counterpart,
    value
from final
