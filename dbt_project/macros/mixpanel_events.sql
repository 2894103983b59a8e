{# Events with who they are of, as CTEs that end in `events`, to begin a `with`. Properties are free text of people: they are read here, in
   the statement that needs them, and no relation outside of raw shows them. #}
{% macro mixpanel_events() -%}
    raw_events as (
        select * from {{ source('raw', 'mixpanel_events') }}
    ),

    pseudonym_key as (
        select * from {{ source('config', 'pseudonym_key') }}
    ),

    identities as (
        select * from {{ source('ops', 'identities') }}
    ),

    -- A device is `$device:<id>`, also where an event carries the bare device id as its distinct_id (as in marts/identities.py).
    own_events as (
        select
            raw_events.*,
            case
                when raw_events.distinct_id = {{ json_text('raw_events.properties', '$device_id') }} then '$device:' || raw_events.distinct_id
                else nullif(raw_events.distinct_id, '')
            end as own_id
        from raw_events
    ),

    keyed as (
        select
            own_events.*,
            {{ pseudonym('own_events.own_id', 'pseudonym_key') }} as id_key
        from own_events
        cross join pseudonym_key
    ),

    events as (
        select
            keyed.launch_id,
            keyed.id_key,
            coalesce(identities.user_key, keyed.id_key) as user_key,
            keyed.event_name,
            keyed.event_date,
            keyed.occurred_at,
            coalesce(keyed.source_order, 0) as source_order,
            keyed.properties
        from keyed
        left join identities on keyed.launch_id = identities.launch_id and keyed.id_key = identities.id_key
    )
{%- endmacro %}

{# True for an event that is activity: one that the launch file lists, or without a list any but Mixpanel's own; registering always is. #}
{% macro is_activity(launch_id, event_name, registration_event) -%}
    (
        ({{ launch_id }}, {{ event_name }}) in (
            select listed.launch_id, listed.event_name from {{ ref('stg_config__active_events') }} as listed
        )
        or {{ event_name }} = {{ registration_event }}
        or (
            {{ event_name }} not like '$%'
            and {{ launch_id }} not in (select listed.launch_id from {{ ref('stg_config__active_events') }} as listed)
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
