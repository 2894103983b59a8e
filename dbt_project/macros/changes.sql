{# What a night changed, beyond dirty dates (macros/incremental.sql): users whose days are others than at the last build, and the dates on
   which these lie. A model with one row a user and date makes the rows of changed users again from their first changed date on; one that
   counts such rows by date makes the changed dates again. The tables that say what changed are made anew each night:

       int_changed_users ──> int_user_days ──> int_changed_dates ──> int_active_days, int_cohort_activity #}

{# A table as the last build left it, for a model that is made before it and so cannot have a ref; none in a full refresh, or without it. #}
{% macro table_before(name) -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(adapter.get_relation(database=target.database, schema=target.schema, identifier=name)) }}
    {%- else -%}
        {{ return(none) }}
    {%- endif -%}
{%- endmacro %}

{# How a model that makes what changed again joins the table that says what did: a night takes that alone, a full refresh all. #}
{% macro join_changed() -%}
    {{ 'inner join' if is_incremental() else 'left join' }}
{%- endmacro %}

{# For a CTE of what a night makes again: it is found before anything is asked of it. In a full refresh it is all there is, and not written twice. #}
{% macro materialized_at_night() -%}
    {{ materialized() if is_incremental() else '' }}
{%- endmacro %}

{# The pre_hook of a model with one row a user and date. #}
{% macro delete_changed_user_days() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as days
        using {{ ref('int_changed_users') }} as changed
        where changed.launch_id = days.launch_id and changed.user_key = days.user_key and changed.from_date <= days.activity_date
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# The condition of a model that counts such rows by date, and its pre_hook. #}
{% macro is_changed_date(launch_id, date) -%}
    {%- set changed_dates = ref('int_changed_dates') -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ date }}) in (select changed.launch_id, changed.metric_date from {{ changed_dates }} as changed)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_dates(date_column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_changed_date('launch_id', date_column) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# The same for funnels: users whose attempts were made again, and their entries from the first such attempt on.

       int_funnel_attempts ──> int_changed_funnel_users ──> int_funnel_entries ──> int_changed_entry_dates ──> int_funnel_days #}
{% macro delete_changed_funnel_entries() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as entries
        using {{ ref('int_changed_funnel_users') }} as changed
        where changed.launch_id = entries.launch_id
            and changed.funnel_id = entries.funnel_id
            and changed.user_key = entries.user_key
            and changed.from_date <= entries.entry_date;
        {{ delete_without_funnels() }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# A launch without funnels (any more) has no rows. An array is looked up by index, where `not in` reads the whole table. #}
{% macro delete_without_funnels() -%}
    delete from {{ this }}
    where launch_id = any(array(
        select launches.launch_id from {{ source('config', 'launches') }} as launches
        where launches.launch_id not in (select steps.launch_id from {{ source('config', 'funnel_steps') }} as steps)
    ))
{%- endmacro %}

{# The condition of a model that counts entries by date, and its pre_hook. #}
{% macro is_changed_entry_date(launch_id, date) -%}
    {%- set changed_dates = ref('int_changed_entry_dates') -%}
    {%- if is_incremental() -%}
        ({{ launch_id }}, {{ date }}) in (select changed.launch_id, changed.entry_date from {{ changed_dates }} as changed)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_entry_dates() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ is_changed_entry_date('launch_id', 'entry_date') }};
        {{ delete_without_funnels() }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{# Periods (rows of a relation, as above) whose uniques of activation may be others than at the last build: those in which the windows close
   that reach a dirty date, and the ones after these, which are compared with them. #}
{% macro is_changed_activation_period(relation) -%}
    {%- if is_incremental() -%}
        exists (
            select 1 from {{ dates_within_a_window(is_after_too=true) }}
            where reached.launch_id = {{ relation }}.launch_id
                and reached.metric_date between {{ with_the_one_before(relation) }} and {{ relation }}.period_end
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The pre_hook that goes with it. #}
{% macro delete_changed_activation_periods() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as made
        where {{ is_changed_activation_period('made') }};
        {{ delete_without_funnels() }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
