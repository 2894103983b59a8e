-- What the gate asks of events and samples, without volumes: these are judged from plain counts (quality/volume.py), by weekday and noise.
drop view ops.accounting_audit;
drop view ops.event_copies_audit;
drop view ops.partition_audit;
drop function ops.median_of(double precision []);

-- One row a launch, domain, stream and date from the first loaded date to the last, also for dates that nobody loaded.
create view ops.partition_audit as
with latest as (
    select distinct on (loads.launch_id, loads.source, loads.stream, loads.partition_date) loads.*
    from ops.built_loads as loads
    where loads.partition_date is not null
    order by loads.launch_id, loads.source, loads.stream, loads.partition_date, loads.load_id desc
),

spans as (
    select
        latest.launch_id,
        latest.source,
        latest.stream,
        min(latest.partition_date) as first_date,
        max(latest.partition_date) as last_date
    from latest
    group by latest.launch_id, latest.source, latest.stream
),

calendar as (
    select
        spans.launch_id,
        spans.source,
        spans.stream,
        days.day::date as partition_date,
        days.day::date - launches.launch_date as launch_day
    from spans
    left join config.launches as launches on spans.launch_id = launches.launch_id
    cross join lateral generate_series(spans.first_date::timestamp, spans.last_date::timestamp, interval '1 day') as days (day)
)

select
    calendar.launch_id,
    sources.domain,
    calendar.source,
    calendar.stream,
    calendar.partition_date,
    calendar.launch_day,
    latest.load_id,
    latest.landed_count,
    latest.loaded_count,
    latest.duplicate_count,
    latest.quarantined_count,
    accepted.loaded_count as accepted_count,
    case when latest.duplicate_count > 2 then latest.duplicate_count / latest.landed_count::double precision else 0 end as duplicate_ratio,
    case when latest.quarantined_count > 2 then latest.quarantined_count / latest.landed_count::double precision else 0 end as quarantined_ratio,
    latest.loaded_count / nullif(accepted.loaded_count, 0)::double precision as reload_ratio,
    coalesce(
        (latest.content_hash, latest.landed_count, latest.loaded_count, latest.duplicate_count, latest.quarantined_count)
        = (accepted.content_hash, accepted.landed_count, accepted.loaded_count, accepted.duplicate_count, accepted.quarantined_count),
        false
    ) as is_settled
from calendar
left join latest using (launch_id, source, stream, partition_date)
inner join ops.domain_sources as sources on calendar.source = sources.source
left join ops.accepted_loads as accepted
    on
        calendar.launch_id = accepted.launch_id
        and sources.domain = accepted.domain
        and calendar.stream = accepted.stream
        and calendar.partition_date = accepted.partition_date;
comment on view ops.partition_audit is
    'What the gate asks of events and samples, one row a launch, domain, stream and date; load_id is null where a date between loaded ones is missing.';
comment on column ops.partition_audit.reload_ratio is 'Rows against the load behind the published marts; null if the date was never published.';
comment on column ops.partition_audit.duplicate_ratio is 'Of the landed rows; up to two are not counted, so that a small day is not held for one row.';
comment on column ops.partition_audit.is_settled is 'Readers see exactly this load already.';

-- Events without an insert id cannot be told apart by the loader; whole copies of them can.
create view ops.event_copies_audit as
select
    audit.launch_id,
    audit.domain,
    audit.partition_date,
    audit.loaded_count,
    copies.copied_count,
    case when copies.copied_count > 2 then copies.copied_count / nullif(audit.loaded_count, 0)::double precision else 0 end as copied_ratio,
    audit.is_settled
from ops.partition_audit as audit
cross join lateral (
    select count(*) - count(distinct (events.event_name, events.distinct_id, events.occurred_at, events.properties)) as copied_count
    from raw.mixpanel_events as events
    where
        events.launch_id = audit.launch_id
        and events.event_date = audit.partition_date
        and events.insert_id is null
) as copies
where audit.stream = 'events' and audit.load_id is not null;
comment on view ops.event_copies_audit is 'Events without an insert id that equal another one in name, person, moment and properties, by launch and date.';

-- A date holds what its newest load says, and so do the rows that the newest load of a merged stream brought.
create view ops.accounting_audit as
select
    audit.launch_id,
    audit.domain,
    audit.stream,
    audit.partition_date,
    newest.load_id,
    newest.loaded_count,
    newest.quarantined_count,
    case audit.source
        when 'mixpanel' then (
            select count(*)
            from raw.mixpanel_events as events
            where events.launch_id = audit.launch_id and events.event_date = audit.partition_date
        )
        else (
            select count(*)
            from raw.prometheus_samples as samples
            where samples.launch_id = audit.launch_id and samples.sample_date = audit.partition_date
        )
    end as raw_count,
    (
        select count(*)
        from quarantine.records as records
        where
            records.launch_id = audit.launch_id
            and records.source = audit.source
            and records.stream = audit.stream
            and records.partition_date = audit.partition_date
    ) as record_count,
    audit.is_settled
from ops.partition_audit as audit
cross join lateral (
    select
        loads.load_id,
        loads.loaded_count,
        loads.quarantined_count
    from ops.partition_loads as loads
    where
        loads.launch_id = audit.launch_id
        and loads.source = audit.source
        and loads.stream = audit.stream
        and loads.partition_date = audit.partition_date
    order by loads.load_id desc
    limit 1
) as newest
union all
select
    audit.launch_id,
    audit.domain,
    audit.stream,
    audit.first_date as partition_date,
    audit.load_id,
    audit.loaded_count,
    audit.quarantined_count,
    ops.rows_of_load(audit.source, audit.stream, audit.launch_id, audit.load_id) as raw_count,
    (select count(*) from quarantine.records as records where records.load_id = audit.load_id) as record_count,
    audit.is_settled
from ops.load_audit as audit
where
    not exists (
        select
        from ops.partition_loads as later
        where
            later.launch_id = audit.launch_id
            and later.source = audit.source
            and later.stream = audit.stream
            and later.load_id > audit.load_id
    );
comment on view ops.accounting_audit is
    'What a load says it left in raw and quarantine beside what is there now, counted only for the rows that are asked for.';
comment on column ops.accounting_audit.record_count is 'Refused lines; a line of samples is one record, however many samples it holds.';

grant select on ops.partition_audit, ops.event_copies_audit to postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant select on ops.accounting_audit to postlaunch_auditor, postlaunch_publisher;
