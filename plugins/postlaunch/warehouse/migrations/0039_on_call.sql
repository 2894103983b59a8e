-- On call: the hours in which somebody is to answer, and who takes incidents from the first level up.
create table config.on_call_hours (
    launch_id text not null,
    coverage_date date not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    primary key (launch_id, starts_at)
);
comment on table config.on_call_hours is
    'Promised hours on call as absolute intervals, one row a launch and date, laid out by Python in the launch zone (DST, phases of the launch).';

create table config.incident_levels (
    launch_id text not null,
    level integer not null,
    level_name text not null,
    primary key (launch_id, level)
);
comment on table config.incident_levels is 'Who takes incidents, from the first level up.';

grant select on config.on_call_hours, config.incident_levels
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
