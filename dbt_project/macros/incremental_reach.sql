{# Dirty dates (macros/incremental.sql) that reach further: dates and periods that depend on earlier ones. #}

{# True for a date that is dirty, or lies up to `reach_days` after a dirty one. #}
{% macro is_after_dirty_date(source_name, launch_id, date, reach_days) -%}
    {%- set build_dates = source('ops', 'build_dates') -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ date }}) in (
            select dirty.launch_id, each_reached_date.reached_date
            from {{ build_dates }} as dirty
            {{ each_date('dirty.metric_date', add_days('dirty.metric_date', reach_days), 'reached_date') }}
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The pre_hook that goes with it. #}
{% macro delete_after_dirty_dates(source_name, date_column, reach_days) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_after_dirty_date(source_name, 'launch_id', date_column, reach_days) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# Attempts at a funnel depend on the days of its conversion window after them. The dates at which an attempt may see a dirty date, as a
   relation of launch_id and metric_date called `reached`; with is_after_too also those that such attempts may see. A window of n days, begun within a date,
   ends at most n + 1 dates later, and one more where the clocks change. #}
{% macro dates_within_a_window(is_after_too=false) -%}
    (
        select distinct dirty.launch_id, each_metric_date.metric_date
        from {{ source('ops', 'build_dates') }} as dirty
        inner join (
            select windows.launch_id, cast(ceil(max(windows.window_seconds) / 86400) as integer) + 2 as window_days
            from {{ source('config', 'funnel_steps') }} as windows
            group by windows.launch_id
        ) as longest on dirty.launch_id = longest.launch_id
        {{
            each_date(
                add_days('dirty.metric_date', '-longest.window_days'),
                add_days('dirty.metric_date', 'longest.window_days' if is_after_too else 0),
                'metric_date'
            )
        }}
        where dirty.build_id = {{ build_id() }} and dirty.source = 'mixpanel'
    ) as reached
{%- endmacro %}

{# From the first of these dates to the last, and of these the dates themselves: the bounds are what an index is looked up with. #}
{% macro is_within_a_window_of_dirty_dates(launch_id, date, is_after_too=false) -%}
    {%- if is_incremental() -%}
        {{ date }} between (select min(reached.metric_date) from {{ dates_within_a_window(is_after_too) }})
        and (select max(reached.metric_date) from {{ dates_within_a_window(is_after_too) }})
        and ({{ launch_id }}, {{ date }}) in (select reached.launch_id, reached.metric_date from {{ dates_within_a_window(is_after_too) }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The pre_hook that goes with it. #}
{% macro delete_attempts_before_dirty_dates(date_column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ is_within_a_window_of_dirty_dates('launch_id', date_column) }};
        {{ delete_without_funnels() }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# Periods (rows of a relation with launch_id, period_start and period_end) that hold a dirty date, or are compared with the one before that
   does. A month may be three days shorter than the one before; a phase is compared with none. #}
{% macro is_dirty_period(source_name, relation) -%}
    {%- set period_end = relation ~ '.period_end' -%}
    {%- if is_incremental() -%}
        exists (
            select 1
            from {{ source('ops', 'build_dates') }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
                and dirty.launch_id = {{ relation }}.launch_id
                and dirty.metric_date between {{ with_the_one_before(relation) }} and {{ period_end }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro with_the_one_before(relation) -%}
    {%- set days = days_between(relation ~ '.period_start', relation ~ '.period_end') -%}
    {{ add_days(relation ~ '.period_start', '-4 - least(' ~ days ~ ', 92)') }}
{%- endmacro %}

{# The pre_hook that goes with it. #}
{% macro delete_dirty_periods(source_name) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as made where {{ is_dirty_period(source_name, 'made') }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# Dates of a calendar quarter that holds a dirty date, for what counts from the first of a month or quarter on, and of quarters around it:
   [0, 1] is also the one after, which may be compared with the dirty one; -1 is the one before. #}
{% macro is_dirty_quarter(source_name, launch_id, date, quarters) -%}
    {%- set start = period_start('quarter', 'dirty.metric_date') -%}
    {%- set starts = {-1: period_start('quarter', add_days(start, -1)), 0: start, 1: period_start('quarter', add_days(start, 95))} -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ period_start('quarter', date) }}) in (
            {% for quarter in quarters %}
            select dirty.launch_id, {{ starts[quarter] }}
            from {{ source('ops', 'build_dates') }} as dirty
            where dirty.build_id = {{ build_id() }} and dirty.source = '{{ source_name }}'
            {{ 'union' if not loop.last }}
            {% endfor %}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The pre_hook of int_outcome_days: quarters that changed, and what is counted by account or of a segment, which profiles may move at any time. #}
{% macro delete_outcome_days(date_column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ is_dirty_quarter('mixpanel', 'launch_id', date_column, [0, 1]) }}
            or segment_id <> ''
            or (launch_id, measure_id) in (
                select outcomes.launch_id, outcomes.measure_id from {{ ref('stg_config__outcome_measures') }} as outcomes
                where outcomes.counted_by = 'account'
            )
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
