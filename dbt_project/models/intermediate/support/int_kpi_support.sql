with ticket_days as (
    select * from {{ ref('ticket_daily') }}
),

sla_days as (
    select * from {{ ref('ticket_sla_daily') }}
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

kpis as (
    {% for kpi_id in ['tickets_opened', 'tickets_solved', 'ticket_backlog'] %}
    select
        launch_id, metric_date, launch_day, '{{ kpi_id }}' as kpi_id,
        {{ as_double(kpi_id) }} as numerator,
        {{ as_double('null') }} as denominator
    from ticket_totals

    union all
    {% endfor %}
    {% for metric in ['first_reply', 'resolution'] %}
    select
        ticket_totals.launch_id, ticket_totals.metric_date, ticket_totals.launch_day,
        '{{ metric }}_attainment' as kpi_id,
        coalesce(sla_totals.attained_count, 0) as numerator,
        coalesce(sla_totals.decided_count, 0) as denominator
    from ticket_totals
    left join sla_totals
        on ticket_totals.launch_id = sla_totals.launch_id
        and ticket_totals.metric_date = sla_totals.metric_date
        and sla_totals.metric = '{{ metric }}'
    {% if not loop.last %}

    union all
    {% endif %}
    {% endfor %}
),

final as (
    select
        launch_id,
        'support' as domain,
        kpi_id,

        metric_date,
        launch_day,

        case
            when kpi_id in ('first_reply_attainment', 'resolution_attainment') then {{ ratio('numerator', 'denominator') }}
            else {{ as_double('numerator') }}
        end as value,
        {{ as_double('numerator') }} as numerator,
        {{ as_double('denominator') }} as denominator
    from kpis
)

select * from final
