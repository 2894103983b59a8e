with usage as (
    select * from {{ ref('int_resource_usage_daily') }}
),

segments as (
    select * from {{ ref('int_capacity_segments') }}
),

trends as (
    select * from {{ ref('int_capacity_trends') }}
),

resources as (
    select * from {{ ref('stg_config__prometheus_metrics') }}
    where kind = 'resource'
),

launches as (
    select * from {{ ref('stg_config__launches') }}
),

-- pace: the whole trend's, unless its recent half is surely faster: half of the days have 2.83 times the error, and 1.4142 is half of that.
-- most_gain: the most that the recent half may be faster by, if it is faster by over a standard error (0.675) or the trend began with a
-- bend upwards: what the two differ by has 2.65 times the error of the whole, and 1.3229 is half of that
paces as (
    select
        usage.launch_id,
        usage.resource_id,
        resources.subject_name as resource_name,
        resources.unit,
        usage.metric_date,
        {{ days_between('launches.launch_date', 'usage.metric_date') }} as launch_day,
        {{ add_days('usage.metric_date', 'segments.from_offset') }} as trend_from_date,
        segments.observed_days_count,
        usage.p95_value as level_value,
        resources.trigger_value,
        trends.slope_per_day,
        trends.slope_low_per_day,
        trends.slope_high_per_day,
        trends.recent_slope_per_day,
        resources.trigger_value - usage.p95_value as room_value,
        usage.p95_value >= resources.trigger_value as is_reached,
        greatest(resources.trigger_value - usage.p95_value - trends.day_noise_value, 0) as least_room_value,
        resources.trigger_value - usage.p95_value + trends.day_noise_value as most_room_value,
        2 * trends.recent_slope_per_day - trends.slope_per_day as end_slope_per_day,
        4 * (trends.recent_slope_per_day - trends.slope_per_day) / nullif(-segments.from_offset, 0) as slope_change_per_day,
        -segments.from_offset as span_days,
        case
            when trends.recent_slope_per_day - 1.4142 * (trends.slope_high_per_day - trends.slope_low_per_day) > trends.slope_per_day
                then trends.recent_slope_per_day
            else trends.slope_per_day
        end as pace,
        greatest(trends.recent_slope_per_day - trends.slope_per_day, 0) + case
            when
                trends.recent_slope_per_day - 0.675 * (trends.slope_high_per_day - trends.slope_low_per_day) > trends.slope_per_day
                or segments.slope_before_per_day < trends.slope_low_per_day
                then 1.3229 * (trends.slope_high_per_day - trends.slope_low_per_day)
            else 0
        end as most_gain_per_day,
        trends.expected_low_value,
        trends.expected_high_value,
        usage.p95_value between week_ago.expected_low_value and week_ago.expected_high_value as is_as_expected
    from usage
    inner join segments
        on usage.launch_id = segments.launch_id
        and usage.resource_id = segments.resource_id
        and usage.metric_date = segments.metric_date
    inner join resources
        on usage.launch_id = resources.launch_id
        and usage.resource_id = resources.subject_id
    inner join launches
        on usage.launch_id = launches.launch_id
    left join trends
        on usage.launch_id = trends.launch_id
        and usage.resource_id = trends.resource_id
        and usage.metric_date = trends.metric_date
    left join trends as week_ago
        on usage.launch_id = week_ago.launch_id
        and usage.resource_id = week_ago.resource_id
        and usage.metric_date = {{ add_days('week_ago.metric_date', 7) }}
),

-- growth that lost half of its pace is a plateau, and so is one that surely slows down and so comes to a stand below the trigger
outlooks as (
    select
        *,
        slope_per_day + 2 * most_gain_per_day as most_slope_per_day,
        8 * least_room_value * most_gain_per_day / nullif(span_days, 0) as most_acceleration,
        coalesce(
            slope_low_per_day > 0
            and recent_slope_per_day >= slope_per_day / 2
            and not (
                recent_slope_per_day + 1.4142 * (slope_high_per_day - slope_low_per_day) < slope_per_day
                and power(end_slope_per_day, 2) + 2 * room_value * slope_change_per_day < 0
            ),
            false
        ) as is_growing
    from paces
),

final as (
    select
        launch_id,
        resource_id,
        resource_name,
        unit,

        metric_date,
        launch_day,
        trend_from_date,

        observed_days_count,
        level_value,
        slope_per_day,
        slope_low_per_day,
        slope_high_per_day,
        recent_slope_per_day,
        trigger_value,
        case
            when is_reached then 0
            when is_growing then room_value / pace
        end as days_to_trigger,
        case
            when is_reached then 0
            when is_growing
                then least(
                        least_room_value / slope_high_per_day,
                        2 * least_room_value / (most_slope_per_day + sqrt(power(most_slope_per_day, 2) + most_acceleration))
                    )
            when slope_high_per_day > 0 then least_room_value / slope_high_per_day
        end as days_to_trigger_low,
        case
            when is_reached then 0
            when is_growing then most_room_value / slope_low_per_day
        end as days_to_trigger_high,
        expected_low_value,
        expected_high_value,
        count(is_as_expected) over four_weeks as backtest_count,
        count(case when is_as_expected then 1 end) over four_weeks as backtest_covered_count,

        case
            when is_reached then 'reached'
            when slope_per_day is null then 'unknown'
            when is_growing then 'growing'
            else 'not_growing'
        end as outlook,
        is_growing
    from outlooks
    window
        four_weeks as (
            partition by launch_id, resource_id
            order by launch_day range between 27 preceding and current row
        )
)

select * from final
