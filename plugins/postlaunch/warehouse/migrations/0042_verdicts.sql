-- A launch says on which days it is judged.
create table config.verdicts (
    launch_id text not null,
    verdict_day integer not null,
    primary key (launch_id, verdict_day)
);
comment on table config.verdicts is 'Full days after which a launch is judged: the verdict of day 30 is of the launch days 0 to 29.';

grant select on config.verdicts
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
