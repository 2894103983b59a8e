with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
),

data_end as (
    select * from {{ ref('int_data_end') }}
),

spans as (
    select distinct launch_id, period_start, period_end from {{ ref('int_kpi_spans') }}
),

own as (
    {% for kind in calendar_periods() %}
    select
        launch_id,
        source,
        metric_date,
        '{{ kind }}' as period_kind,
        {{ period_start(kind, 'metric_date') }} as period_start,
        {{ period_end(kind, 'metric_date') }} as period_end
    from covered_dates
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Periods that run, have a hole, or began before the data did: their counterpart is the same days of the period before.
partial as (
    select
        launch_id,
        source,
        period_kind,
        period_start,
        period_end
    from own
    group by launch_id, source, period_kind, period_start, period_end
    having count(*) <= {{ days_between('period_start', 'period_end') }}
),

counterparts as (
    select
        own.launch_id,
        own.source,
        earlier.metric_date,
        own.period_kind,
        own.period_start,
        own.period_end,
        earlier.period_start as within_start
    from partial
    inner join own
        on partial.launch_id = own.launch_id
        and partial.source = own.source
        and partial.period_kind = own.period_kind
        and partial.period_start = own.period_start
    inner join own as earlier
        on own.launch_id = earlier.launch_id
        and own.source = earlier.source
        and own.period_kind = earlier.period_kind
        and earlier.period_end = {{ add_days('own.period_start', -1) }}
        and {{ days_between('earlier.period_start', 'earlier.metric_date') }} = {{ days_between('own.period_start', 'own.metric_date') }}
),

phases as (
    select
        covered_dates.launch_id,
        covered_dates.source,
        covered_dates.metric_date,
        'phase' as period_kind,
        spans.period_start,
        spans.period_end
    from covered_dates
    inner join spans
        on covered_dates.launch_id = spans.launch_id
        and covered_dates.metric_date between spans.period_start and spans.period_end
),

final as (
    select own.*, own.period_start as within_start, false as is_counterpart from own
    union all
    select phases.*, phases.period_start as within_start, false as is_counterpart from phases
    union all
    select counterparts.*, true as is_counterpart from counterparts
)

select
    final.launch_id,
    final.source,
    final.period_kind,
    final.period_start,
    final.period_end,
    final.is_counterpart,
    final.metric_date,
    final.within_start,
    data_end.data_start_date
from final
inner join data_end
    on final.launch_id = data_end.launch_id
    and final.source = data_end.source
