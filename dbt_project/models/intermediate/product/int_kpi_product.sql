with days as (
    select * from {{ ref('active_users_daily') }}
),

retention as (
    select * from {{ ref('retention_cohorts') }}
    where period_kind = 'day' and is_complete
),

funnels as (
    select distinct launch_id from {{ ref('stg_config__funnel_steps') }}
    where funnel_id = 'activation'
),

activation as (
    select * from {{ ref('int_activation_periods') }}
    where period_kind = 'day' and not is_counterpart
),

values_by_kpi as (
    {% for kpi_id, count, denominator in [
        ('daily_active_users', 'active_users_count', '1'),
        ('weekly_active_users', 'active_users_7d_count', 'null'),
        ('monthly_active_users', 'active_users_30d_count', 'null'),
        ('new_users', 'new_users_count', 'null'),
    ] %}
    select
        launch_id, metric_date, launch_day, '{{ kpi_id }}' as kpi_id,
        {{ count }} as numerator, {{ as_double(denominator) }} as denominator
    from days
    union all
    {% endfor %}
    -- Retention is dated by the day on which it is observed.
    {% for number in [1, 7, 30] %}
    select
        days.launch_id, days.metric_date, days.launch_day, 'retention_d{{ number }}' as kpi_id,
        retention.retained_count as numerator, retention.cohort_size_count as denominator
    from days
    left join retention
        on days.launch_id = retention.launch_id
        and days.metric_date = {{ add_days('retention.cohort_date', number) }}
        and retention.period_number = {{ number }}
    union all
    {% endfor %}
    select
        days.launch_id, days.metric_date, days.launch_day, 'activation' as kpi_id,
        activation.activated_count as numerator, activation.entered_count as denominator
    from days
    inner join funnels on days.launch_id = funnels.launch_id
    left join activation on days.launch_id = activation.launch_id and days.metric_date = activation.period_start
)

select
    launch_id,
    'product' as domain,
    kpi_id,
    metric_date,
    launch_day,
    {{ as_double('numerator') }} / coalesce(denominator, 1) as value,
    {{ as_double('numerator') }} as numerator,
    denominator
from values_by_kpi
