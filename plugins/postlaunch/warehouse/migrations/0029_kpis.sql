-- KPIs are rows: what each is made of, and of what and whom it can be (a severity, a service; a wave). Targets name both.

create table config.kpis (
    launch_id text not null,
    kpi_id text not null,
    domain text not null,
    source text not null,
    display_order integer not null,
    name text not null,
    definition text not null,
    unit text not null,
    better text not null check (better in ('higher', 'lower')),
    period_rule text not null check (period_rule in ('ratio', 'uniques', 'sum', 'mean', 'last', 'quantile')),
    denominator_unit text not null,
    buckets text,
    quantile double precision,
    subject_kind text,
    subject_name text,
    shown_subjects text not null,
    stability_subjects text not null,
    seen_by text,
    needs_sample boolean not null,
    is_stability boolean not null,
    is_volume boolean not null,
    is_countdown boolean not null,
    evidence text,
    charted text not null,
    is_expected boolean not null,
    primary key (launch_id, kpi_id)
);
comment on table config.kpis is
    'KPIs of each launch: those that every launch has (plugins/postlaunch/kpis) and its own, as the launch file says now.';
create table config.kpi_terms (
    launch_id text not null,
    kpi_id text not null,
    part text not null check (part in ('numerator', 'denominator')),
    measure_id text not null,
    primary key (launch_id, kpi_id, part, measure_id)
);
comment on table config.kpi_terms is 'Measures that are summed to the numerator or the denominator of a KPI.';
grant select on config.kpis, config.kpi_terms
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;

alter table config.kpi_targets
    add column subject_id text not null default '',
    add column segment_id text not null default '';
comment on column config.kpi_targets.subject_id is 'Severity, service, priority ... that the target is of; empty: of all together.';
comment on column config.kpi_targets.segment_id is 'Segment of users that the target is of; empty: of everybody.';

-- Dimensions leave the names of KPIs.
update config.kpi_targets set subject_id = upper(right(kpi_id, 2)), kpi_id = 'incidents' where kpi_id like 'incidents\_p_';
update config.kpi_targets set subject_id = substr(kpi_id, 12), kpi_id = 'retention' where kpi_id like 'retention\_d%';
drop table if exists build.kpi_catalogue cascade;
