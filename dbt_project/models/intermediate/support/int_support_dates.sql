{# A date that is not covered any more, because its launch was dated anew, is new when it comes again. #}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ delete_uncovered_dates('zendesk', 'metric_date') }}",
    )
}}

with covered_dates as (
    select * from {{ ref('int_covered_dates') }}
    where source = 'zendesk'
),

final as (
    select
        launch_id,
        metric_date,
        {{ build_id() }} as build_id
    from covered_dates
    {% if is_incremental() -%}
    where (launch_id, metric_date) not in (select known.launch_id, known.metric_date from {{ this }} as known)
    {%- endif %}
)

select * from final
