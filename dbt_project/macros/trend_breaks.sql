{# Where a straight line breaks: the change point of a series of (day_offset, value), one series a launch, resource and metric_date.

   A break is where two lines fit so much better than one that chance does not explain it, also in series that remember their day before:
   F = ((SSE of one line - SSE of two) / 2) / (SSE of two / degrees of freedom) > 40. Simulated AR(1) series with a coefficient of .6 exceed
   it once in 100; jumps and bends of a few standard deviations exceed it within days.
   The part before has at least five days, the part after at least two (a level of its own until there are three for a line). #}

{# Sum of squared residuals around the least-squares line (below three points: around the mean), from sums. #}
{% macro squared_residuals(days, x, y, xx, xy, yy) -%}
    greatest(
        {{ yy }} - {{ y }} * {{ y }} / nullif({{ days }}, 0)
        - case
            when {{ days }} < 3 then 0
            else power({{ xy }} - {{ x }} * {{ y }} / {{ days }}, 2) / nullif({{ xx }} - {{ x }} * {{ x }} / {{ days }}, 0)
        end,
        0
    )
{%- endmacro %}

{# Slope of the least-squares line, from sums; null below two points. #}
{% macro least_squares_slope(days, x, y, xx, xy) -%}
    ({{ xy }} - {{ x }} * {{ y }} / {{ days }}) / nullif({{ xx }} - {{ x }} * {{ x }} / {{ days }}, 0)
{%- endmacro %}

{# Common table expressions that cut the series `points` (launch_id, resource_id, metric_date, day_offset, value, least_noise,
   slope_before_per_day) at their clearest break: the rows from there on are `<points>_cut`, with the least-squares slope of what was cut off; a
   series without a break stays as it is. #}
{% macro cut_at_break(points) -%}
{%- set terms = [
    ('days', '1'), ('x', 'day_offset'), ('y', 'value'),
    ('xx', 'day_offset * day_offset'), ('xy', 'day_offset * value'), ('yy', 'value * value')
] -%}
{{ points }}_sums as (
    select
        launch_id,
        resource_id,
        metric_date,
        day_offset,
        value,
        least_noise,
        slope_before_per_day,
        {%- for name, term in terms %}
        {{ as_double('sum(' ~ term ~ ') over whole') }} as all_{{ name }},
        {{ as_double('sum(' ~ term ~ ') over earlier') }} as before_{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ points }}
    window
        whole as (partition by launch_id, resource_id, metric_date),
        earlier as (
            partition by launch_id, resource_id, metric_date
            order by day_offset rows between unbounded preceding and 1 preceding
        )
),

{{ points }}_residuals as (
    select
        *,
        all_days - case when all_days - before_days >= 3 then 4 else 3 end as freedom,
        {{ squared_residuals('all_days', 'all_x', 'all_y', 'all_xx', 'all_xy', 'all_yy') }} as one_line,
        {{ squared_residuals('before_days', 'before_x', 'before_y', 'before_xx', 'before_xy', 'before_yy') }}
        + {{ squared_residuals(
            '(all_days - before_days)', '(all_x - before_x)', '(all_y - before_y)',
            '(all_xx - before_xx)', '(all_xy - before_xy)', '(all_yy - before_yy)'
        ) }} as two_lines
    from {{ points }}_sums
),

{{ points }}_scored as (
    select
        *,
        case
            when before_days >= 5 and all_days - before_days >= 2 and freedom > 0
                then (one_line - two_lines) / 2 / nullif(greatest(two_lines / freedom, least_noise * least_noise), 0)
        end as score
    from {{ points }}_residuals
),

{{ points }}_best as (
    select
        *,
        max(score) over (partition by launch_id, resource_id, metric_date) as best_score
    from {{ points }}_scored
),

{{ points }}_breaks as (
    select
        *,
        min(case when score = best_score and score > 40 then day_offset end) over series as break_offset,
        min(case when score = best_score and score > 40 then {{ least_squares_slope('before_days', 'before_x', 'before_y', 'before_xx', 'before_xy') }} end)
            over series as break_slope_per_day
    from {{ points }}_best
    window series as (partition by launch_id, resource_id, metric_date)
),

{{ points }}_cut as (
    select
        launch_id,
        resource_id,
        metric_date,
        day_offset,
        value,
        least_noise,
        coalesce(break_slope_per_day, slope_before_per_day) as slope_before_per_day
    from {{ points }}_breaks
    where day_offset >= coalesce(break_offset, day_offset)
)
{%- endmacro %}

{# Change per day between two points of a series, as a double. #}
{% macro slope_between(earlier, later) -%}
    ({{ later }}.p95_value - {{ earlier }}.p95_value) / ({{ later }}.day_offset - {{ earlier }}.day_offset)
{%- endmacro %}
