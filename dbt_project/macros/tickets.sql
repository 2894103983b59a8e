{# Tickets that changed: what a build makes again of support. Models with one row a ticket or more delete the rows of these tickets and
   make them again, so that any number of nights gives what one full refresh gives.

       {{ '{{' }} config(materialized='incremental', incremental_strategy='append', pre_hook="{{ '{{' }} delete_changed_tickets() {{ '}}' }}") {{ '}}' }}
       select ... where {{ '{{' }} is_changed_ticket('launch_id', 'ticket_id') {{ '}}' }} #}

{% macro is_changed_ticket(launch_id, ticket_id) -%}
    ({{ launch_id }}, {{ ticket_id }}) in (select changed.launch_id, changed.ticket_id from {{ ref('int_ticket_changed') }} as changed)
{%- endmacro %}

{% macro delete_changed_tickets() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_changed_ticket('launch_id', 'ticket_id') }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# Tickets that read otherwise at the end of the data than at the last build: changed ones, and those whose clocks went on. #}
{% macro is_unsettled_ticket(launch_id, ticket_id) -%}
    ({{ launch_id }}, {{ ticket_id }}) in (select unsettled.launch_id, unsettled.ticket_id from {{ ref('int_ticket_unsettled') }} as unsettled)
{%- endmacro %}

{# The condition that every ticket has to be made: in a full refresh, or because one of the tables that hold them does not exist yet. #}
{% macro makes_all_tickets() -%}
    {%- set tables = ['int_ticket_clocks', 'int_ticket_priorities', 'int_ticket_movements', 'int_ticket_categories', 'ticket_sla', 'ticket_clock_daily'] -%}
    {%- set missing = [] -%}
    {%- if execute -%}
        {%- for table in tables -%}
            {%- if adapter.get_relation(database=target.database, schema=target.schema, identifier=table) is none -%}
                {%- do missing.append(table) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ 'true' if flags.FULL_REFRESH or missing else 'false' }}
{%- endmacro %}

{# A metric of a launch file for one of Zendesk's and its instance; the first reply is the first instance of the reply time. #}
{% macro sla_metric(metric, instance_number) -%}
    case {{ metric }}
        when 'reply_time' then case when {{ instance_number }} = 1 then 'first_reply' else 'next_reply' end
        when 'requester_wait_time' then 'requester_wait'
        when 'agent_work_time' then 'agent_work'
        when 'pausable_update_time' then 'pausable_update'
        when 'periodic_update_time' then 'periodic_update'
    end
{%- endmacro %}

{# A priority as Zendesk writes it: urgent, high, normal or low; `none` for anything else. #}
{% macro ticket_priority(text) -%}
    case
        when lower(trim({{ text }})) in ('urgent', 'high', 'normal', 'low') then lower(trim({{ text }}))
        else 'none'
    end
{%- endmacro %}

{# The instance that comes after all others: of what is told by the ticket itself. #}
{% macro last_instance() -%}
    999999999999999999
{%- endmacro %}

{# Rows of ticket_clock_daily that a build makes again: those of tickets that changed, and those of dates that no build has made yet. #}
{% macro delete_dated_clocks() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ is_changed_ticket('launch_id', 'ticket_id') }}
            or (launch_id, metric_date) in (select days.launch_id, days.metric_date from {{ ref('int_support_days') }} as days where days.is_new)
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
