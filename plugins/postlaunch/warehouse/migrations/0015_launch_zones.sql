-- In which time zone the data of a launch are dated: the dates of events and samples are fixed when they are loaded.
create table ops.launch_zones (
    launch_id text primary key,
    timezone text,
    dated_at timestamptz not null default clock_timestamp()
);
comment on table ops.launch_zones is
    'The IANA time zone in which the loaded events and samples of a launch are dated; no row: nothing is loaded yet. A launch file that says another one stands still until `postlaunch redate`.';
comment on column ops.launch_zones.timezone is 'Null: in several, because the launch file was changed before this table was there.';
comment on column ops.launch_zones.dated_at is 'When the first load was dated, or all were dated anew.';
grant select on ops.launch_zones
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant insert, update on ops.launch_zones to postlaunch_loader;

-- What is known: the zone of the last sync, if every date began at its midnight.
insert into ops.launch_zones (launch_id, timezone)
select
    launches.launch_id,
    case
        when bool_and(
            loads.partition_date is null
            or (
                (loads.window_start_at at time zone launches.timezone)::date = loads.partition_date
                and ((loads.window_start_at - interval '1 microsecond') at time zone launches.timezone)::date = loads.partition_date - 1
            )
        ) then launches.timezone
    end as timezone
from config.launches as launches
inner join ops.partition_loads as loads on launches.launch_id = loads.launch_id
group by launches.launch_id, launches.timezone;

alter table ops.ingest_runs add column timezone text;
comment on column ops.ingest_runs.timezone is 'The zone of first_date and last_date; null for runs before this column of launches that no build knew.';
update ops.ingest_runs as runs set timezone = launches.timezone
from config.launches as launches
where runs.launch_id = launches.launch_id;
