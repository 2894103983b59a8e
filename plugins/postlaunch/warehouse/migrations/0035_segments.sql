-- Users who are looked at by themselves: a wave of a rollout, those of one plan.
create table config.segments (
    launch_id text not null,
    segment_id text not null,
    segment_name text not null,
    from_day integer,
    to_day integer,
    conditions jsonb,
    primary key (launch_id, segment_id)
);
comment on table config.segments is
    'Segments of users, by the launch day of their first day (both ends inclusive) or by conditions on their profile, all of which hold.';

grant select on config.segments
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
