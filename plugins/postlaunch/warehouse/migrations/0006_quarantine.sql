-- Refused lines, refused pulls, runs that were cut short: what a person asks of them, and what the gate counts again.
create index on quarantine.records (load_id);

alter table ops.partition_loads add column accepted_loss_count bigint;
comment on column ops.partition_loads.accepted_loss_count is
    'Rows that the load before had and this one has not, taken all the same with `postlaunch load --accept-shrunk`; null where nothing was lost.';

alter table ops.ingest_runs add column config_hash text;
comment on column ops.ingest_runs.config_hash is
    'md5 of what the launch file says about the source: a run that was cut short goes on only where the next one asks the same.';

-- How late rows arrive -----------------------------------------------------------------------------------------------------
create view ops.arrival_lag as
with pulls as (
    select
        loads.*,
        (left(loads.pull_id, 15) || 'Z')::timestamptz as pulled_at,
        (launches.spec -> loads.source ->> 'lookback_days')::integer as lookback_days
    from ops.partition_loads as loads
    left join config.launches as launches on loads.launch_id = launches.launch_id
    where loads.partition_date is not null and loads.pull_id ~ '^\d{8}T\d{6}'
),

-- The night that pulls a date for the last time comes within a day after its look-back.
judged as (
    select
        pulls.*,
        pulls.pulled_at >= pulls.window_end_at as is_after_date,
        pulls.pulled_at < pulls.window_end_at + (pulls.lookback_days + 1) * interval '1 day' as is_in_lookback
    from pulls
),

dates as (
    select
        launch_id,
        source,
        stream,
        partition_date,
        lookback_days,
        max(pulled_at) as last_pulled_at,
        bool_or(not is_in_lookback) as is_pulled_later,
        (array_agg(loaded_count order by load_id desc))[1] as loaded_count,
        (array_agg(loaded_count order by load_id) filter (where is_after_date))[1] as first_count,
        (array_agg(loaded_count order by load_id desc) filter (where is_in_lookback))[1] as lookback_count,
        (array_agg(lag_seconds order by load_id desc))[1] as lag_seconds
    from judged
    group by launch_id, source, stream, partition_date, lookback_days
)

select
    launch_id,
    source,
    stream,
    partition_date,
    loaded_count,
    greatest(loaded_count, first_count) - first_count as late_count,
    lag_seconds,
    lookback_days,
    last_pulled_at,
    case when is_pulled_later then greatest(loaded_count, lookback_count) - lookback_count end as missed_count,
    case when is_pulled_later then loaded_count <= lookback_count end as is_lookback_enough
from dates;
comment on view ops.arrival_lag is 'One row a launch, stream and date: how late its rows came, and whether the look-back of the launch file waits for them.';
comment on column ops.arrival_lag.late_count is 'Rows that came after the first pull of the whole date.';
comment on column ops.arrival_lag.lag_seconds is 'The longest time from an event to its arrival at the source, as far as the last pull could see; null where the source does not tell.';
comment on column ops.arrival_lag.missed_count is
    'Rows that came after the last night of the look-back; null if the date was not pulled both before and after that, so that nobody knows.';

-- What the gate counts again -----------------------------------------------------------------------------------------------
create function ops.rows_of_load(source text, stream text, launch_id text, load_id bigint) returns bigint
language plpgsql stable security definer set search_path = pg_catalog
as $$
declare
    counted bigint;
begin
    execute format('select count(*) from raw.%I where launch_id = $1 and load_id = $2', source || '_' || stream)
    into counted using launch_id, load_id;
    return counted;
end $$;
comment on function ops.rows_of_load(text, text, text, bigint) is 'Rows of an entity table that a load brought last.';
revoke all on function ops.rows_of_load(text, text, text, bigint) from public;
grant execute on function ops.rows_of_load(text, text, text, bigint) to postlaunch_auditor, postlaunch_publisher;

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

grant select on ops.arrival_lag to postlaunch_loader, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant select on ops.accounting_audit to postlaunch_auditor, postlaunch_publisher;
