-- What follows an incident: its post-mortem, the requirements that it broke, the action items that it left.
alter table config.incident_targets add column post_mortem_seconds double precision;
comment on column config.incident_targets.post_mortem_seconds is 'From the resolution to the post-mortem; null without a promise.';

-- What launch files have said so far was read by nothing: it holds as long as the promise that it stands beside.
update config.incident_targets as targets
set post_mortem_seconds = cast(said.target ->> 'post_mortem_hours' as double precision) * 3600
from config.launches as launches
cross join lateral jsonb_array_elements(
    case when jsonb_typeof(launches.spec #> '{pagerduty,targets}') = 'array' then launches.spec #> '{pagerduty,targets}' else '[]' end
) as said (target)
where
    targets.valid_to is null
    and launches.launch_id = targets.launch_id
    and said.target ->> 'severity' = targets.severity;

create table config.incident_patterns (
    launch_id text primary key,
    post_mortem text not null,
    requirements text
);
comment on table config.incident_patterns is
    'Regular expressions of what a note says when the post-mortem is written, whatever its case, and of the ids of requirements.';

create table config.action_items (
    launch_id text not null,
    incident_number bigint not null,
    item text not null,
    opened_date date not null,
    done_date date,
    due_date date not null,
    primary key (launch_id, incident_number, item)
);
comment on table config.action_items is 'What is to be done after an incident, from a file beside the launch file: no API has it.';

grant select on config.incident_patterns, config.action_items
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
