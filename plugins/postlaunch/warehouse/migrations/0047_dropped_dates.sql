-- Dates whose rows retention has dropped from raw: the landing zone has them, and a build that needs one loads it again first.
create table ops.dropped_dates (
    launch_id text not null,
    source text not null,
    stream text not null,
    partition_date date not null,
    load_id bigint not null,
    dropped_at timestamptz not null default clock_timestamp(),
    primary key (launch_id, source, stream, partition_date)
);
comment on table ops.dropped_dates is
    'One row a launch, stream and date whose rows are not in raw any more, though they were loaded; a date that is loaded again has no row.';
comment on column ops.dropped_dates.load_id is 'The load that its rows came from; what it says of them holds when they come back.';
grant select, insert, delete on ops.dropped_dates to postlaunch_loader;
grant select on ops.dropped_dates to postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant select on ops.partition_audit to postlaunch_loader;
