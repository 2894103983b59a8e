-- The warehouse: schemas, roles, raw tables, accounting. One login owns it and takes one role a step (`set role`).

-- Roles ------------------------------------------------------------------------------------------------------------------
do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'postlaunch_loader', 'postlaunch_transformer', 'postlaunch_auditor', 'postlaunch_publisher', 'postlaunch_reporter', 'postlaunch_analyst'
    ] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I nologin', role_name);
        end if;
        execute format('grant %I to current_user', role_name);
    end loop;
end $$;

-- Schemas ----------------------------------------------------------------------------------------------------------------
create schema raw;
create schema quarantine;
create schema config;
create schema ops;
create schema build;
create schema marts;
comment on schema raw is 'As it came from the sources, plus typed keys. Holds personal data.';
comment on schema quarantine is 'Records that were refused, with the reason and where they lie in the landing zone.';
comment on schema config is 'Launch files as tables; targets keep their history.';
comment on schema ops is 'Loads, builds, gate results, publications, deliveries.';
comment on schema build is 'What dbt builds, before the audit. Only the pipeline reads it.';
comment on schema marts is 'Published numbers: everything here passed the gate and belongs to one publication.';

alter schema raw owner to postlaunch_loader;
alter schema quarantine owner to postlaunch_loader;
alter schema build owner to postlaunch_transformer;
alter schema marts owner to postlaunch_publisher;

-- Configuration ----------------------------------------------------------------------------------------------------------
create table config.launches (
    launch_id text primary key,
    name text not null,
    launch_date date not null,
    timezone text not null,
    business_cycle_days integer not null,
    minimum_sample_count integer not null,
    spec jsonb not null,
    synced_at timestamptz not null default now()
);
create table config.kpi_targets (
    launch_id text not null,
    kpi_id text not null,
    from_day integer,
    to_day integer,
    comparator text not null check (comparator in ('>=', '<=')),
    target double precision not null,
    valid_from timestamptz not null,
    valid_to timestamptz
);
comment on table config.kpi_targets is 'Targets by launch day; the row in force at a moment has valid_from <= moment < coalesce(valid_to, infinity).';
create table config.funnel_steps (
    launch_id text not null,
    funnel_id text not null,
    funnel_name text not null,
    step_number integer not null,
    event_name text not null,
    window_seconds double precision not null,
    primary key (launch_id, funnel_id, step_number)
);
create table config.active_events (
    launch_id text not null,
    event_name text not null,
    primary key (launch_id, event_name)
);
comment on table config.active_events is 'Events that count as activity; a launch without rows here counts every event.';
create table config.sla_targets (
    launch_id text not null,
    priority text not null,
    metric text not null check (metric in ('first_reply', 'resolution')),
    target_seconds double precision not null,
    primary key (launch_id, priority, metric)
);
create table config.support_hours (
    launch_id text not null,
    support_date date not null,
    opens_at timestamptz not null,
    closes_at timestamptz not null check (closes_at > opens_at),
    primary key (launch_id, opens_at)
);
comment on table config.support_hours is
    'Opening hours as absolute intervals, one row an opening, laid out by Python in the launch zone (DST, holidays, phases of the launch).';
create table config.severities (
    launch_id text not null,
    priority_name text not null,
    severity text not null,
    primary key (launch_id, priority_name)
);
create table config.incident_targets (
    launch_id text not null,
    severity text not null,
    acknowledge_seconds double precision not null,
    resolve_seconds double precision,
    primary key (launch_id, severity)
);
create table config.prometheus_metrics (
    launch_id text not null,
    metric_id text not null,
    kind text not null check (kind in ('up', 'requests', 'latency_buckets', 'resource')),
    subject_id text not null,
    subject_name text not null,
    query text not null,
    unit text not null,
    error_codes text,
    trigger_value double precision,
    step_seconds integer not null,
    primary key (launch_id, metric_id)
);
comment on table config.prometheus_metrics is 'metric_id is <subject_id>.<kind>, for example api.requests or memory.resource.';
create table config.pseudonym_key (
    inner_pad bytea not null,
    outer_pad bytea not null
);
comment on table config.pseudonym_key is 'The two padded keys of HMAC-SHA-256 (RFC 2104); one row.';
create unique index on config.pseudonym_key ((true));
do $$
declare
    key bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    inner_pad bytea := key;
    outer_pad bytea := key;
begin
    for position in 0..63 loop
        inner_pad := set_byte(inner_pad, position, get_byte(key, position) # x'36'::integer);
        outer_pad := set_byte(outer_pad, position, get_byte(key, position) # x'5c'::integer);
    end loop;
    insert into config.pseudonym_key values (inner_pad, outer_pad);
end $$;

create function config.pseudonym(identifier text) returns text
    language sql stable parallel safe
    return (
        select encode(substr(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(identifier, 'UTF8'))), 1, 16), 'hex')
        from config.pseudonym_key as key
    );
comment on function config.pseudonym(text) is 'Keyed pseudonym of a personal identifier: the first 128 bits of HMAC-SHA-256, as hex.';

-- Operations -------------------------------------------------------------------------------------------------------------
create table ops.ingest_runs (
    ingest_run_id bigint generated always as identity primary key,
    launch_id text not null,
    source text not null,
    first_date date not null,
    last_date date not null,
    status text not null check (status in ('running', 'succeeded', 'failed')),
    error text,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz
);
create index on ops.ingest_runs (launch_id, source, ingest_run_id desc);

create table ops.builds (
    build_id bigint generated always as identity primary key,
    status text not null check (status in ('running', 'succeeded', 'failed')),
    is_full_refresh boolean not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz
);

create table ops.publications (
    publication_id bigint generated always as identity primary key,
    build_id bigint not null references ops.builds,
    published_at timestamptz not null default clock_timestamp()
);

create table ops.partition_loads (
    load_id bigint generated always as identity primary key,
    launch_id text not null,
    source text not null,
    stream text not null,
    partition_date date,
    window_start_at timestamptz not null,
    window_end_at timestamptz not null,
    pull_id text not null,
    landing_path text not null,
    bytes_count bigint not null,
    landed_count bigint not null,
    loaded_count bigint not null,
    duplicate_count bigint not null,
    quarantined_count bigint not null,
    content_hash text not null,
    is_changed boolean not null,
    first_dirty_date date,
    last_dirty_date date,
    request jsonb not null,
    lag_seconds double precision,
    duration_seconds double precision not null,
    loaded_at timestamptz not null default clock_timestamp(),
    build_id bigint references ops.builds,
    constraint accounting_closes check (landed_count = loaded_count + duplicate_count + quarantined_count)
);
create index on ops.partition_loads (launch_id, source, stream, partition_date, load_id desc);
create index on ops.partition_loads (load_id) where build_id is null and is_changed;
comment on column ops.partition_loads.partition_date is
    'Date in the launch zone of a stream that is replaced a day at a time (events, samples); null for entities, which are merged by id.';
comment on column ops.partition_loads.build_id is 'The build that took this load in; null and is_changed means dirty.';

create table ops.build_dates (
    build_id bigint not null references ops.builds,
    launch_id text not null,
    source text not null,
    metric_date date not null,
    primary key (build_id, launch_id, source, metric_date)
);
comment on table ops.build_dates is 'The dates that a build has to make again, because their raw partitions changed.';

create table ops.domain_builds (
    build_id bigint not null references ops.builds,
    launch_id text not null,
    domain text not null,
    first_date date not null,
    last_date date not null,
    publication_id bigint references ops.publications,
    primary key (build_id, launch_id, domain)
);
comment on table ops.domain_builds is 'What a build changed, by launch and domain; publication_id is null until the gate lets it through.';

create table ops.gate_results (
    gate_result_id bigint generated always as identity primary key,
    build_id bigint not null references ops.builds,
    launch_id text not null,
    domain text not null,
    suite text not null,
    expectation text not null,
    severity text not null check (severity in ('critical', 'warning')),
    is_passed boolean not null,
    reason text not null,
    observed jsonb,
    audited_at timestamptz not null default clock_timestamp()
);
create index on ops.gate_results (build_id, launch_id, domain);

create table ops.domain_status (
    launch_id text not null,
    domain text not null,
    publication_id bigint references ops.publications,
    covered_through date,
    held_since timestamptz,
    held_from_date date,
    held_reason text,
    primary key (launch_id, domain)
);
comment on table ops.domain_status is 'What readers see of each domain now: through which date, and if it is held, since when and why.';

create table ops.deliveries (
    delivery_id bigint generated always as identity primary key,
    launch_id text not null,
    review text not null,
    period_start date not null,
    period_end date not null,
    attempt integer not null,
    recipients text[] not null,
    message_id text not null,
    publication_id bigint,
    delivered_at timestamptz not null default clock_timestamp(),
    unique (launch_id, review, period_start, attempt)
);

-- Raw --------------------------------------------------------------------------------------------------------------------
create table raw.mixpanel_events (
    launch_id text not null,
    event_date date not null,
    event_name text not null,
    distinct_id text not null,
    insert_id text,
    occurred_at timestamptz not null,
    processed_at timestamptz,
    properties jsonb not null,
    load_id bigint not null
) partition by range (event_date);
create index on raw.mixpanel_events (launch_id, event_date);

create table raw.prometheus_series (
    series_id bigint generated always as identity primary key,
    launch_id text not null,
    metric_id text not null,
    labels jsonb not null,
    unique (launch_id, metric_id, labels)
);
create table raw.prometheus_samples (
    launch_id text not null,
    sample_date date not null,
    metric_id text not null,
    series_id bigint not null,
    sampled_at timestamptz not null,
    value double precision not null,
    load_id bigint not null
) partition by range (sample_date);
create index on raw.prometheus_samples (launch_id, sample_date, metric_id);

-- Entities all have one shape: merged by id, the latest version wins.
do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'zendesk_tickets', 'zendesk_ticket_metric_events', 'zendesk_satisfaction_ratings',
        'pagerduty_incidents', 'pagerduty_log_entries', 'pagerduty_services'
    ] loop
        execute format(
            'create table raw.%I (
                launch_id text not null,
                id text not null,
                occurred_at timestamptz,
                version_at timestamptz not null,
                record jsonb not null,
                load_id bigint not null,
                primary key (launch_id, id)
            )', table_name);
        execute format('create index on raw.%I (load_id)', table_name);
    end loop;
end $$;

create table quarantine.records (
    record_id bigint generated always as identity primary key,
    load_id bigint not null,
    launch_id text not null,
    source text not null,
    stream text not null,
    partition_date date,
    reason text not null,
    landing_path text not null,
    line_number bigint not null,
    raw_line bytea not null,
    quarantined_at timestamptz not null default clock_timestamp()
);
create index on quarantine.records (launch_id, source, stream, partition_date);

do $$
declare
    raw_table record;
begin
    for raw_table in select schemaname, tablename from pg_tables where schemaname in ('raw', 'quarantine') loop
        execute format('alter table %I.%I owner to postlaunch_loader', raw_table.schemaname, raw_table.tablename);
    end loop;
end $$;

-- Grants: least privilege ------------------------------------------------------------------------------------------------
grant usage on schema config, ops to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant select on all tables in schema config to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
revoke all on config.pseudonym_key from postlaunch_loader, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
revoke all on function config.pseudonym(text) from public;
grant execute on function config.pseudonym(text) to postlaunch_transformer;
grant select on all tables in schema ops to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant insert, update on ops.ingest_runs, ops.partition_loads to postlaunch_loader;
grant insert, update on ops.builds, ops.build_dates, ops.domain_builds to postlaunch_transformer;
grant update (build_id) on ops.partition_loads to postlaunch_transformer;
grant insert on ops.gate_results to postlaunch_publisher;
grant insert, update on ops.publications, ops.domain_status, ops.domain_builds to postlaunch_publisher;
grant insert on ops.deliveries to postlaunch_reporter;

grant usage on schema raw to postlaunch_transformer, postlaunch_auditor;
alter default privileges for role postlaunch_loader in schema raw grant select on tables to postlaunch_transformer;
grant select on all tables in schema raw to postlaunch_transformer;
grant usage on schema build to postlaunch_auditor, postlaunch_publisher;
alter default privileges for role postlaunch_transformer in schema build grant select on tables to postlaunch_auditor, postlaunch_publisher;
grant usage on schema marts to postlaunch_auditor, postlaunch_reporter, postlaunch_analyst;
alter default privileges for role postlaunch_publisher in schema marts grant select on tables to postlaunch_auditor, postlaunch_reporter, postlaunch_analyst;
