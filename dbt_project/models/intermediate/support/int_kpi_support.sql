{% set counts = ['tickets_opened', 'tickets_solved', 'ticket_backlog'] %}
{% set metrics = ['first_reply', 'next_reply', 'requester_wait', 'agent_work', 'pausable_update', 'periodic_update', 'resolution'] %}

with ticket_days as (
    select * from {{ ref('ticket_daily') }}
),

sla_days as (
    select * from {{ ref('ticket_sla_daily') }}
),

promised as (
    select distinct launch_id, metric from {{ ref('stg_config__sla_targets') }}
),

ticket_totals as (
    select
        launch_id,
        metric_date,
        launch_day,
        sum(opened_count) as tickets_opened,
        sum(solved_count) as tickets_solved,
        sum(backlog_count) as ticket_backlog
    from ticket_days
    group by launch_id, metric_date, launch_day
),

-- attainment is decided by clocks that kept or broke their promise; a clock that still runs in time decides nothing yet
sla_totals as (
    select
        launch_id,
        metric_date,
        metric,
        sum(attained_count) as attained_count,
        sum(attained_count + breached_count) as decided_count
    from sla_days
    group by launch_id, metric_date, metric
),

-- first replies and resolutions have always been measured; the other metrics only where a launch promises them
measured as (
    {% for metric in metrics %}
    select launch_id, '{{ metric }}' as metric from {{ 'ticket_totals' if metric in ('first_reply', 'resolution') else 'promised' }}
    {%- if metric not in ('first_reply', 'resolution') %} where metric = '{{ metric }}'{% endif %}

    {{ 'union' if not loop.last }}
    {% endfor %}
),

kpis as (
    {% for kpi_id in counts %}
    select
        launch_id, metric_date, launch_day, '{{ kpi_id }}' as kpi_id,
        {{ as_double(kpi_id) }} as numerator,
        {{ as_double('null') }} as denominator
    from ticket_totals

    union all
    {% endfor %}
    select
        ticket_totals.launch_id, ticket_totals.metric_date, ticket_totals.launch_day,
        concat(measured.metric, '_attainment') as kpi_id,
        coalesce(sla_totals.attained_count, 0) as numerator,
        coalesce(sla_totals.decided_count, 0) as denominator
    from ticket_totals
    inner join measured
        on ticket_totals.launch_id = measured.launch_id
    left join sla_totals
        on ticket_totals.launch_id = sla_totals.launch_id
        and ticket_totals.metric_date = sla_totals.metric_date
        and measured.metric = sla_totals.metric
),

final as (
    select
        launch_id,
        'support' as domain,
        kpi_id,

        metric_date,
        launch_day,

        case
            when kpi_id in ('tickets_opened', 'tickets_solved', 'ticket_backlog') then {{ as_double('numerator') }}
            else {{ ratio('numerator', 'denominator') }}
        end as value,
        {{ as_double('numerator') }} as numerator,
        {{ as_double('denominator') }} as denominator
    from kpis
)

select * from final
