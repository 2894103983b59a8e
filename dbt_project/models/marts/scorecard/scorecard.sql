with periods as (
    select * from {{ ref('int_kpi_periods') }}
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

kpi_catalogue as (
    select * from {{ ref('kpi_catalogue') }}
),

targets as (
    select * from {{ ref('stg_config__kpi_targets') }}
),

dated as (
    select
        periods.*,
        {{ days_between('launches.launch_date', 'periods.period_end') }} as launch_day,
        {{ day_start(add_days('periods.period_end', 1), 'launches.timezone') }} as period_end_at,
        case
            when lag(periods.period_end) over kpi_history = {{ add_days('periods.period_start', -1) }}
                then lag(periods.value) over kpi_history
        end as previous_value,
        kpi_catalogue.needs_sample and coalesce(periods.denominator, 0) < launches.minimum_sample_count as is_under_sample
    from periods
    inner join launches on periods.launch_id = launches.launch_id
    inner join kpi_catalogue on periods.kpi_id = kpi_catalogue.kpi_id
    window kpi_history as (
        partition by periods.launch_id, periods.kpi_id, periods.period_kind order by periods.period_start
    )
),

-- The past is judged by the targets of the past: the version of the launch file in force when the period ended.
targeted as (
    select
        dated.*,
        targets.target,
        targets.comparator,
        targets.valid_from,
        targets.from_day
    from dated
    left join targets
        on dated.launch_id = targets.launch_id
        and dated.kpi_id = targets.kpi_id
        and dated.period_end_at >= targets.valid_from
        and (targets.valid_to is null or dated.period_end_at < targets.valid_to)
        and dated.launch_day between coalesce(targets.from_day, dated.launch_day) and coalesce(targets.to_day, dated.launch_day)
),

-- Where ranges of days overlap, the one that begins last is meant.
in_force as (
    {{ first_rows('targeted', 'launch_id, kpi_id, period_kind, period_start', 'valid_from desc, from_day desc nulls last, comparator') }}
)

select
    launch_id,
    domain,
    kpi_id,
    period_kind,
    period_start,
    period_end,
    launch_day,
    value,
    numerator,
    denominator,
    previous_value,
    target,
    comparator,
    case
        when value is null then 'no_data'
        when is_under_sample then 'insufficient_data'
        when target is null then 'no_target'
        when comparator = '>=' and value >= target then 'met'
        when comparator = '<=' and value <= target then 'met'
        else 'missed'
    end as status,
    is_complete
from in_force
