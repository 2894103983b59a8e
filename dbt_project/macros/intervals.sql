{# Moments, floating point, regular expressions: one small dispatched macro for each thing that engines spell differently. #}

{# A text such as 2026-01-12T08:00:00Z as a moment (timestamptz). #}
{% macro as_moment(text) -%}
    {{ return(adapter.dispatch('as_moment', 'postlaunch')(text)) }}
{%- endmacro %}
{% macro postgres__as_moment(text) -%}
    cast({{ text }} as timestamptz)
{%- endmacro %}

{# The same for a text that may be no moment: null then. Days are not checked against their month beyond 31. #}
{% macro readable_moment(text) -%}
    case
        when {{ matches_fully(text, "'[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})'") }}
            then {{ as_moment(text) }}
    end
{%- endmacro %}

{# Seconds (double) from one moment to a later one; null if either is null. #}
{% macro seconds_between(first_at, last_at) -%}
    {{ return(adapter.dispatch('seconds_between', 'postlaunch')(first_at, last_at)) }}
{%- endmacro %}
{% macro postgres__seconds_between(first_at, last_at) -%}
    cast(extract(epoch from ({{ last_at }}) - ({{ first_at }})) as double precision)
{%- endmacro %}

{# Number of the step (of `step_seconds`, counted from the epoch) in which a moment lies. #}
{% macro grid_step(moment, step_seconds) -%}
    {{ return(adapter.dispatch('grid_step', 'postlaunch')(moment, step_seconds)) }}
{%- endmacro %}
{% macro postgres__grid_step(moment, step_seconds) -%}
    cast(floor(extract(epoch from {{ moment }}) / {{ step_seconds }}) as bigint)
{%- endmacro %}

{# The bound of a bucket that has no end. #}
{% macro infinity() -%}
    {{ return(adapter.dispatch('infinity', 'postlaunch')()) }}
{%- endmacro %}
{% macro postgres__infinity() -%}
    cast('Infinity' as double precision)
{%- endmacro %}

{# True unless a double is NaN or infinite. #}
{% macro is_finite(number) -%}
    {{ return(adapter.dispatch('is_finite', 'postlaunch')(number)) }}
{%- endmacro %}
{% macro postgres__is_finite(number) -%}
    {{ number }} not in ('NaN', 'Infinity', '-Infinity')
{%- endmacro %}

{# True if a regular expression matches the whole text: Prometheus anchors its own in this way. #}
{% macro matches_fully(text, pattern) -%}
    {{ return(adapter.dispatch('matches_fully', 'postlaunch')(text, pattern)) }}
{%- endmacro %}
{% macro postgres__matches_fully(text, pattern) -%}
    {{ text }} ~ ('^(?:' || {{ pattern }} || ')$')
{%- endmacro %}

{# The mean of doubles, the same to the last bit in whatever order they come. #}
{% macro exact_average(number) -%}
    {{ return(adapter.dispatch('exact_average', 'postlaunch')(number)) }}
{%- endmacro %}
{% macro postgres__exact_average(number) -%}
    cast(avg(cast({{ number }} as numeric)) as double precision)
{%- endmacro %}

{# The sum of doubles, the same to the last bit in whatever order they come. #}
{% macro exact_sum(number) -%}
    {{ return(adapter.dispatch('exact_sum', 'postlaunch')(number)) }}
{%- endmacro %}
{% macro postgres__exact_sum(number) -%}
    cast(sum(cast({{ number }} as numeric)) as double precision)
{%- endmacro %}

{# A double to so many significant digits: 1234.5 to three is 1230. #}
{% macro significant_digits(number, digits) -%}
    {{ return(adapter.dispatch('significant_digits', 'postlaunch')(number, digits)) }}
{%- endmacro %}
{% macro postgres__significant_digits(number, digits) -%}
    case
        when {{ number }} = 0 then 0
        else cast(round(cast({{ number }} as numeric), {{ digits - 1 }} - cast(floor(log(abs({{ number }}))) as integer)) as double precision)
    end
{%- endmacro %}
