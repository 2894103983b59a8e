-- Deployments: change events of PagerDuty, what of their details says what, and what is promised of them.
create table raw.pagerduty_change_events (
    launch_id text not null,
    id text not null,
    occurred_at timestamptz,
    version_at timestamptz not null,
    record jsonb not null,
    load_id bigint not null,
    primary key (launch_id, id)
);
create index on raw.pagerduty_change_events (load_id);
alter table raw.pagerduty_change_events owner to postlaunch_loader;
grant select on raw.pagerduty_change_events to postlaunch_transformer;

create table config.deployment_keys (
    launch_id text primary key,
    version_key text not null,
    kind_key text not null,
    result_key text not null,
    identified_at_key text not null
);
comment on table config.deployment_keys is 'Which custom details of a change event say what of a deployment; no row: the launch file has no deployments.';

create table config.deployment_windows (
    launch_id text not null,
    from_day integer,
    to_day integer,
    opens_second integer not null,
    closes_second integer not null
);
comment on table config.deployment_windows is
    'When a version may go live, from opens_second up to closes_second of the day by the clock, on launch days from from_day to to_day, both inclusive.';

create table config.deployment_targets (
    launch_id text not null,
    hotfix_seconds double precision not null,
    valid_from timestamptz not null,
    valid_to timestamptz
);
create unique index on config.deployment_targets (launch_id) where valid_to is null;
comment on table config.deployment_targets is
    'Promised seconds from a bug identified to its hotfix live; the row in force at a moment has valid_from <= moment < coalesce(valid_to, infinity).';

grant select on config.deployment_keys, config.deployment_windows, config.deployment_targets
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
