with {{ mixpanel_profiles() }},

launches as (
    select * from {{ ref('stg_config__launches') }}
    where account_property is not null
)

select distinct
    profiles.launch_id,
    profiles.user_key,
    named.account_id
from launches
inner join profiles on launches.launch_id = profiles.launch_id
cross join pseudonym_key
{{ each_account('profiles.properties', 'launches.account_property', 'named') }}
where named.account_id is not null
