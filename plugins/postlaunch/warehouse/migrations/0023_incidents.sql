-- What the launch file says of incidents and request counters: the label that classifies requests, the services that are ours, and
-- promises with a history.

alter table config.prometheus_metrics add column status_label text;
comment on column config.prometheus_metrics.status_label is
    'Label of the request counters whose value tells an error (error_codes); null for other kinds.';

create table config.incident_services (
    launch_id text not null,
    service_id text not null,
    primary key (launch_id, service_id)
);
comment on table config.incident_services is 'PagerDuty services that the launch file names; a launch without rows here takes all of the account.';
grant select on config.incident_services
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;

alter table config.incident_targets
    drop constraint incident_targets_pkey,
    add column valid_from timestamptz not null default '-infinity',
    add column valid_to timestamptz;
alter table config.incident_targets alter column valid_from drop default;
comment on table config.incident_targets is
    'Promises by severity; the row in force at a moment has valid_from <= moment < coalesce(valid_to, infinity).';
create unique index on config.incident_targets (launch_id, severity) where valid_to is null;
