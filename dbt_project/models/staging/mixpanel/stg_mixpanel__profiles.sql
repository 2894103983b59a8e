with profiles as (
    select
        launch_id,
        nullif(id, '') as own_id,
        {{ json_value('record', 'properties') }} as properties
    from {{ source('raw', 'mixpanel_profiles') }}
),

pseudonym_key as (
    select * from {{ source('config', 'pseudonym_key') }}
),

identities as (
    select * from {{ source('ops', 'identities') }}
),

keyed as (
    select
        profiles.*,
        {{ pseudonym('profiles.own_id', 'pseudonym_key') }} as id_key
    from profiles
    cross join pseudonym_key
)

select
    keyed.launch_id,
    coalesce(identities.user_key, keyed.id_key) as user_key,
    keyed.properties
from keyed
left join identities on keyed.launch_id = identities.launch_id and keyed.id_key = identities.id_key
where keyed.id_key is not null
