{{ config(materialized='view') }}

-- If a step was never done by any user, nobody is known to be activated or not.
select uniques.*
from {{ ref('int_activation_uniques') }} as uniques
inner join {{ ref('int_event_scope') }} as event_scope on uniques.launch_id = event_scope.launch_id
where event_scope.is_activation_seen
