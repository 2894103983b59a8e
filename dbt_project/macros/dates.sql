{# Dates and moments. Models call these; what an engine has to say in its own words is said here, once. #}

{# The date of a moment (timestamptz) in an IANA time zone. #}
{% macro local_date(moment, timezone) -%}
    {{ return(adapter.dispatch('local_date', 'postlaunch')(moment, timezone)) }}
{%- endmacro %}
{% macro postgres__local_date(moment, timezone) -%}
    cast(({{ moment }}) at time zone {{ timezone }} as date)
{%- endmacro %}

{# The time of the day that a clock in an IANA time zone shows at a moment, in seconds since midnight. #}
{% macro clock_seconds(moment, timezone) -%}
    {{ return(adapter.dispatch('clock_seconds', 'postlaunch')(moment, timezone)) }}
{%- endmacro %}
{% macro postgres__clock_seconds(moment, timezone) -%}
    cast(extract(epoch from cast(({{ moment }}) at time zone {{ timezone }} as time)) as double precision)
{%- endmacro %}

{# The first local date that lies wholly after a moment: the moment's own date only if it begins with it. #}
{% macro first_whole_date(moment, timezone) -%}
    {{ add_days(local_date(add_seconds(moment, '-0.000001'), timezone), 1) }}
{%- endmacro %}

{# The moment (timestamptz) at which a local date begins. #}
{% macro day_start(local_date, timezone) -%}
    {{ return(adapter.dispatch('day_start', 'postlaunch')(local_date, timezone)) }}
{%- endmacro %}
{% macro postgres__day_start(local_date, timezone) -%}
    (cast({{ local_date }} as timestamp) at time zone {{ timezone }})
{%- endmacro %}

{# A date some whole days later; days may be negative. #}
{% macro add_days(date, days) -%}
    {{ return(adapter.dispatch('add_days', 'postlaunch')(date, days)) }}
{%- endmacro %}
{% macro postgres__add_days(date, days) -%}
    (({{ date }}) + cast({{ days }} as integer))
{%- endmacro %}

{# Whole days from one date to a later one (integer). #}
{% macro days_between(first_date, last_date) -%}
    {{ return(adapter.dispatch('days_between', 'postlaunch')(first_date, last_date)) }}
{%- endmacro %}
{% macro postgres__days_between(first_date, last_date) -%}
    (({{ last_date }}) - ({{ first_date }}))
{%- endmacro %}

{# A moment some seconds (number) later. #}
{% macro add_seconds(moment, seconds) -%}
    {{ return(adapter.dispatch('add_seconds', 'postlaunch')(moment, seconds)) }}
{%- endmacro %}
{% macro postgres__add_seconds(moment, seconds) -%}
    (({{ moment }}) + ({{ seconds }}) * interval '1 second')
{%- endmacro %}

{# The moment at which a clock in an IANA time zone shows the same time, some whole days later; days may be negative. #}
{% macro clock_days_later(moment, days, timezone) -%}
    {{ return(adapter.dispatch('clock_days_later', 'postlaunch')(moment, days, timezone)) }}
{%- endmacro %}
{% macro postgres__clock_days_later(moment, days, timezone) -%}
    ((({{ moment }}) at time zone {{ timezone }} + ({{ days }}) * interval '1 day') at time zone {{ timezone }})
{%- endmacro %}

{# The kinds of periods that the calendar makes; a launch file makes phases (int_kpi_spans). #}
{% macro calendar_periods() -%}
    {{ return(['day', 'week', 'month', 'quarter']) }}
{%- endmacro %}

{# The end of a phase that has none. #}
{% macro for_ever() -%}
    cast('9999-12-31' as date)
{%- endmacro %}

{# First and last date of the period ('day', ISO 'week', calendar 'month' or 'quarter') that a date falls in. #}
{% macro period_start(period_kind, date) -%}
    {{ return(adapter.dispatch('period_start', 'postlaunch')(period_kind, date)) }}
{%- endmacro %}
{% macro postgres__period_start(period_kind, date) -%}
    cast(date_trunc('{{ period_kind }}', cast({{ date }} as timestamp)) as date)
{%- endmacro %}

{% macro period_end(period_kind, date) -%}
    {{ return(adapter.dispatch('period_end', 'postlaunch')(period_kind, date)) }}
{%- endmacro %}
{% macro postgres__period_end(period_kind, date) -%}
    {%- set length = '3 months' if period_kind == 'quarter' else '1 ' ~ period_kind %}
    cast(date_trunc('{{ period_kind }}', cast({{ date }} as timestamp)) + interval '{{ length }}' - interval '1 day' as date)
{%- endmacro %}

{# A `from` item that repeats a row for each date from first to last (inclusive): `from cohorts {{ '{{' }} each_date('a', 'b', 'metric_date') {{ '}}' }}`. #}
{% macro each_date(first_date, last_date, column) -%}
    {{ return(adapter.dispatch('each_date', 'postlaunch')(first_date, last_date, column)) }}
{%- endmacro %}
{% macro postgres__each_date(first_date, last_date, column) -%}
    cross join lateral (
        select cast(series.day as date) as {{ column }}
        from generate_series(cast({{ first_date }} as timestamp), cast({{ last_date }} as timestamp), interval '1 day') as series (day)
    ) as each_{{ column }}
{%- endmacro %}

{# The first date of the calendar month or quarter, as a column says, that a date falls in. #}
{% macro cycle_start(within, date) -%}
    case {{ within }} when 'month' then {{ period_start('month', date) }} else {{ period_start('quarter', date) }} end
{%- endmacro %}

{# The first date of the month or quarter before the one that a date falls in. #}
{% macro previous_cycle_start(within, date) -%}
    {{ cycle_start(within, add_days(cycle_start(within, date), -1)) }}
{%- endmacro %}
