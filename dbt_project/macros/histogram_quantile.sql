{# Quantiles of histograms by the rule of Prometheus' histogram_quantile(): linear inside the bucket that holds the rank, the highest
   finite bound if that is the last bucket, and nothing without a last bucket (+Inf) or without requests.

       with ranked as (histogram_ranks('buckets', ['launch_id', 'metric_date']))
       select launch_id, metric_date, histogram_quantile(0.95) as latency_p95_seconds
       from ranked
       group by launch_id, metric_date

   `relation` has one row a key and upper_bound_seconds, with the request_count of that bucket alone. #}

{# What is in each bucket alone, of a relation with one row a key and upper_bound_seconds whose request_count is cumulative, as Prometheus
   counts. As there, a bucket that a lost sample made smaller than the one below it is made equal to that one. #}
{% macro bucket_counts(relation, keys) -%}
{%- set by_bound = 'partition by ' ~ keys | join(', ') ~ ' order by upper_bound_seconds' %}
    select
        {{ keys | join(', ') }},
        upper_bound_seconds,
        cumulative_count - coalesce(lag(cumulative_count) over ({{ by_bound }}), 0) as request_count
    from (
        select *, max(request_count) over ({{ by_bound }} rows unbounded preceding) as cumulative_count
        from {{ relation }}
    ) as monotonic
{%- endmacro %}

{% macro histogram_ranks(relation, keys) -%}
{%- set whole = 'partition by ' ~ keys | join(', ') -%}
{%- set to_bound = whole ~ ' order by upper_bound_seconds rows unbounded preceding' -%}
{%- set below = whole ~ ' order by upper_bound_seconds rows between unbounded preceding and 1 preceding' -%}
    select
        *,
        sum(request_count) over ({{ to_bound }}) as count_to_bound,
        coalesce(sum(request_count) over ({{ below }}), 0) as count_below,
        max(upper_bound_seconds) over ({{ below }}) as lower_bound_seconds,
        sum(request_count) over ({{ whole }}) as total_count,
        max(upper_bound_seconds) over ({{ whole }}) as last_bound_seconds
    from {{ relation }}
{%- endmacro %}

{% macro histogram_quantile(quantile) -%}
    {%- set rank = quantile ~ ' * total_count' -%}
    {%- set lower_bound = 'coalesce(lower_bound_seconds, 0)' -%}
    max(
        case
            when last_bound_seconds < {{ infinity() }} or total_count <= 0 then null
            when count_to_bound < {{ rank }} or count_below >= {{ rank }} then null
            when upper_bound_seconds = {{ infinity() }} then lower_bound_seconds
            when lower_bound_seconds is null and upper_bound_seconds <= 0 then upper_bound_seconds
            else
                {{ lower_bound }}
                + (upper_bound_seconds - {{ lower_bound }}) * ({{ rank }} - count_below) / nullif(count_to_bound - count_below, 0)
        end
    )
{%- endmacro %}

{# Values that were counted, as the buckets of such a histogram: rows of the keys, upper_bound and value. `relation` has the keys, a number
   called upper_bound and its count called value. Each value is a bucket of no width, so that a quantile is a value that was there. #}
{% macro value_buckets(relation, keys) -%}
    select {{ keys | join(', ') }}, upper_bound, {{ as_double('value') }} as value
    from {{ relation }}
    union all
    select
        {{ keys | join(', ') }},
        case when upper_bound = 0 then -1e-300 else upper_bound - abs(upper_bound) * 1e-12 end as upper_bound,
        {{ as_double(0) }} as value
    from {{ relation }}
    union all
    select distinct {{ keys | join(', ') }}, {{ infinity() }} as upper_bound, {{ as_double(0) }} as value
    from {{ relation }}
{%- endmacro %}
