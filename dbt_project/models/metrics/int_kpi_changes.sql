with periods as (
    select * from {{ ref('int_kpi_periods') }}
),

own as (
    select
        *,
        days_seen_count >= days_expected_count as is_complete,
        covered_days_count > {{ days_between('period_start', 'period_end') }} as is_whole
    from periods
    where not is_counterpart
),

counterparts as (
    select * from periods
    where is_counterpart
),

final as (
    select
        own.*,
        case
            when own.is_whole and earlier.is_whole then earlier.value
            when not own.is_whole and counterparts.covered_days_count = own.covered_days_count then counterparts.value
        end as previous_value
    from own
    left join own as earlier
        on {{ is_same_kpi('own', 'earlier') }}
        and own.period_kind = earlier.period_kind
        and earlier.period_end = {{ add_days('own.period_start', -1) }}
        and own.period_kind <> 'phase'
    left join counterparts
        on {{ is_same_kpi('own', 'counterparts') }}
        and own.period_kind = counterparts.period_kind
        and own.period_start = counterparts.period_start
)

select
    launch_id,
    domain,
    kpi_id,
    subject_id,
    segment_id,
    period_kind,
    period_start,
    period_end,
    last_date,
    value,
    numerator,
    denominator,
    previous_value,
    cast(days_seen_count as integer) as days_seen_count,
    days_expected_count,
    is_complete
from final
