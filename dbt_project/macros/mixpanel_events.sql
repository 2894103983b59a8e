{# Events of dirty dates with who they are of, as CTEs that end in `events`; `is_needed` chooses among raw_events. Properties are free text
   of people: they are read here, in the statement that needs them, and no relation outside of raw shows them. The key of an id costs more
   than all else of an event: events are read twice, so that it is made once an id. An event that names nobody has neither id_key nor
   user_key. #}
{% macro mixpanel_events(is_dirty, is_needed='true') -%}
    -- A device is `$device:<id>`, also where an event carries the bare device id as its distinct_id (as in marts/identities.py).
    own_events as {{ not_materialized() }} (
        select
            raw_events.*,
            case
                when raw_events.distinct_id = {{ json_text('raw_events.properties', '$device_id') }} then '$device:' || raw_events.distinct_id
                else nullif(raw_events.distinct_id, '')
            end as own_id
        from {{ source('raw', 'mixpanel_events') }} as raw_events
        where {{ is_dirty }} and {{ is_needed }}
    ),

    pseudonym_key as (
        select * from {{ source('config', 'pseudonym_key') }}
    ),

    own_ids as (
        select distinct launch_id, own_id from own_events
    ),

    keyed_ids as {{ materialized() }} (
        select
            own_ids.*,
            {{ pseudonym('own_ids.own_id', 'pseudonym_key') }} as id_key
        from own_ids
        cross join pseudonym_key
    ),

    -- Looked up one by one: a night has few ids of all that were ever linked.
    users as {{ materialized() }} (
        select
            keyed_ids.*,
            coalesce(
                (
                    select identities.user_key
                    from {{ source('ops', 'identities') }} as identities
                    where identities.launch_id = keyed_ids.launch_id and identities.id_key = keyed_ids.id_key
                ),
                keyed_ids.id_key
            ) as user_key
        from keyed_ids
    ),

    events as (
        select
            own_events.launch_id,
            users.id_key,
            users.user_key,
            own_events.event_name,
            own_events.event_date,
            own_events.occurred_at,
            coalesce(own_events.source_order, 0) as source_order,
            own_events.properties
        from own_events
        left join users on own_events.launch_id = users.launch_id and own_events.own_id = users.own_id
    )
{%- endmacro %}

{# True for an event that is activity: one that the launch file lists, or without a list any but Mixpanel's own; registering always is. What launch
   files say is looked up in small tables that are hashed once: a join may come last, and reads them anew for each row. #}
{% macro is_activity(launch_id, event_name) -%}
    (
        ({{ launch_id }}, {{ event_name }}) in (
            select listed.launch_id, listed.event_name from {{ ref('stg_config__active_events') }} as listed
        )
        or {{ is_registration(launch_id, event_name) }}
        or (
            {{ event_name }} not like '$%'
            and {{ launch_id }} not in (select listed.launch_id from {{ ref('stg_config__active_events') }} as listed)
        )
    )
{%- endmacro %}

{% macro is_registration(launch_id, event_name) -%}
    ({{ launch_id }}, {{ event_name }}) in (
        select registering.launch_id, registering.registration_event from {{ ref('stg_config__launches') }} as registering
        where registering.registration_event is not null
    )
{%- endmacro %}

{# True for activity with which a user begins: registering, or any where the launch file does not say which event that is. #}
{% macro is_beginning(launch_id, event_name) -%}
    (
        {{ is_registration(launch_id, event_name) }}
        or {{ launch_id }} in (
            select anyhow.launch_id from {{ ref('stg_config__launches') }} as anyhow
            where anyhow.registration_event is null
        )
    )
{%- endmacro %}

{# A `from` item that repeats a row for each account that a property names, <alias>.account_id; once, with null, where it names none.
   Mixpanel's libraries write one account and several alike as a list. The name of a business stays as it is; an e-mail address is
   a person's, and becomes a pseudonym. `pseudonym_key` is joined before. #}
{% macro each_account(properties, property, alias) -%}
    {{ return(adapter.dispatch('each_account', 'postlaunch')(properties, property, alias)) }}
{%- endmacro %}
{% macro postgres__each_account(properties, property, alias) -%}
    {%- set value = properties ~ ' -> ' ~ property -%}
    left join lateral (
        select distinct
            case
                when strpos(told.name #>> '{}', '@') > 0 then {{ pseudonym("(told.name #>> '{}')", 'pseudonym_key') }}
                else {{ plain_text("(told.name #>> '{}')") }}
            end as account_id
        from jsonb_array_elements(
            case when jsonb_typeof({{ value }}) = 'array' then {{ value }} else jsonb_build_array({{ value }}) end
        ) as told (name)
        where jsonb_typeof(told.name) in ('string', 'number') and {{ plain_text("(told.name #>> '{}')") }} <> ''
    ) as {{ alias }} on true
{%- endmacro %}

{# The same for user profiles as they are now: CTEs that end in `profiles`. Merged identities may have one each. #}
{% macro mixpanel_profiles() -%}
    pseudonym_key as (
        select * from {{ source('config', 'pseudonym_key') }}
    ),

    identities as (
        select * from {{ source('ops', 'identities') }}
    ),

    own_profiles as (
        select
            launch_id,
            nullif(id, '') as own_id,
            {{ json_value('record', 'properties') }} as properties
        from {{ source('raw', 'mixpanel_profiles') }}
    ),

    keyed_profiles as (
        select
            own_profiles.*,
            {{ pseudonym('own_profiles.own_id', 'pseudonym_key') }} as id_key
        from own_profiles
        cross join pseudonym_key
    ),

    profiles as (
        select
            keyed_profiles.launch_id,
            coalesce(identities.user_key, keyed_profiles.id_key) as user_key,
            keyed_profiles.properties
        from keyed_profiles
        left join identities on keyed_profiles.launch_id = identities.launch_id and keyed_profiles.id_key = identities.id_key
        where keyed_profiles.id_key is not null
    )
{%- endmacro %}
