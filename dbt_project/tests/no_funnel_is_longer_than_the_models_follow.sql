-- int_funnel_progress follows as many steps as the variable funnel_steps_maximum says: raise it in dbt_project.yml.
select launch_id, funnel_id, step_number
from {{ ref('stg_config__funnel_steps') }}
where step_number > {{ var('funnel_steps_maximum') }}
