-- Launch files that are wrong now: their launches stand still while the others go on, and the reviews say so.
create table ops.launch_faults (
    launch_id text primary key,
    reason text not null,
    since timestamptz not null default clock_timestamp()
);
comment on table ops.launch_faults is
    'Launch files that cannot be used: the id each claims (or its file name), a line per fault, and since when. Right again: no row.';
grant select on ops.launch_faults
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
