-- What incidents cost: events that are missed while one lasts.
create table config.impact_events (
    launch_id text not null,
    event_name text not null,
    primary key (launch_id, event_name)
);
comment on table config.impact_events is 'Events whose loss during an incident is its impact.';

grant select on config.impact_events
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
