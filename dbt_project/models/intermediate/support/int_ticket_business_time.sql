with clocks as (
    select * from {{ ref('int_ticket_clocks') }}
),

moments as (
    select * from {{ ref('int_support_moments') }}
),

openings as (
    select * from {{ ref('int_support_openings') }}
),

staffed_launches as (
    select distinct launch_id from openings
),

-- a launch without support hours never closes
final as (
    select
        clocks.launch_id,
        clocks.ticket_id,

        clocks.metric,

        case
            when staffed_launches.launch_id is null then {{ seconds_between('clocks.started_at', 'clocks.measured_until_at') }}
            else ends.open_seconds_until - starts.open_seconds_until
        end as elapsed_business_seconds,
        {{ seconds_between('clocks.started_at', 'clocks.measured_until_at') }} as elapsed_calendar_seconds
    from clocks
    inner join moments as starts
        on clocks.launch_id = starts.launch_id
        and clocks.started_at = starts.moment_at
    inner join moments as ends
        on clocks.launch_id = ends.launch_id
        and clocks.measured_until_at = ends.moment_at
    left join staffed_launches
        on clocks.launch_id = staffed_launches.launch_id
)

select * from final
