{%- set horizon_days = 365 -%}

with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'prometheus'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

forecast as (
    select * from {{ ref('capacity_forecast') }}
),

-- a trend that could as well be flat is none; past the horizon a forecast from four weeks says no more than "not soon"
bounded as (
    select
        launch_id,
        metric_date,
        case
            when is_growing or days_to_trigger = 0 then least(days_to_trigger, {{ horizon_days }})
            else {{ horizon_days }}
        end as days_to_trigger
    from forecast
),

earliest as (
    select
        launch_id,
        metric_date,
        min(days_to_trigger) as days_to_trigger
    from bounded
    group by launch_id, metric_date
),

final as (
    select
        covered_dates.launch_id,
        'capacity' as domain,
        'days_to_trigger' as kpi_id,

        covered_dates.metric_date,
        {{ days_between('launches.launch_date', 'covered_dates.metric_date') }} as launch_day,

        {{ as_double('earliest.days_to_trigger') }} as value,
        {{ as_double('earliest.days_to_trigger') }} as numerator,
        {{ as_double('null') }} as denominator
    from covered_dates
    inner join launches
        on covered_dates.launch_id = launches.launch_id
    left join earliest
        on covered_dates.launch_id = earliest.launch_id
        and covered_dates.metric_date = earliest.metric_date
)

select * from final
