-- Tickets that are promised a solution with a release, which is no time.
create table config.release_promises (
    launch_id text not null,
    priority text not null,
    primary key (launch_id, priority)
);
comment on table config.release_promises is 'Priorities whose tickets are to be solved by the next release cycle.';

grant select on config.release_promises
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
