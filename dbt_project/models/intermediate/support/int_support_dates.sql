{{ config(materialized='incremental', incremental_strategy='append') }}

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
