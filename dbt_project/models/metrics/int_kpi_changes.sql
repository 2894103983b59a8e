{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ read_by_index(joins='hashes') }}", "{{ delete_changed_kpi_periods() }}"],
        indexes=[{'columns': ['launch_id', 'period_kind', 'period_end']}]
    )
}}

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

made as (
    select own.* from own
    where {{ is_changed_kpi_period('own') }}
),

counterparts as (
    select periods.* from periods
    where periods.is_counterpart and {{ is_changed_kpi_period('periods') }}
),

final as (
    select
        made.*,
        case
            when made.is_whole and earlier.is_whole then earlier.value
            when not made.is_whole and counterparts.covered_days_count = made.covered_days_count then counterparts.value
        end as previous_value
    from made
    left join own as earlier
        on {{ is_same_kpi('made', 'earlier') }}
        and made.period_kind = earlier.period_kind
        and earlier.period_end = {{ add_days('made.period_start', -1) }}
        and made.period_kind <> 'phase'
    left join counterparts
        on {{ is_same_kpi('made', 'counterparts') }}
        and made.period_kind = counterparts.period_kind
        and made.period_start = counterparts.period_start
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
