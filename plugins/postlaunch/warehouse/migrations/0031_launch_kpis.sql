-- KPIs that a launch declares for itself, as rows: what each is made of, and what makes these measures. Targets say phase and period.
alter table config.kpis drop constraint kpis_period_rule_check;
alter table config.kpis add constraint kpis_period_rule_check
check (period_rule in ('ratio', 'uniques', 'sum', 'mean', 'last', 'max', 'min', 'quantile', 'of_kpis'));
comment on column config.kpis.source is 'What covers its dates: a source, or facts.<kpi> for the file of one.';

alter table config.kpis add column is_declared boolean not null default false;
comment on column config.kpis.is_declared is 'The launch file declares it; the others every launch has.';

alter table config.kpi_terms add column weight double precision not null default 1;
comment on column config.kpi_terms.weight is 'By which the measure is multiplied: 100 of a score, less than 0 where it is subtracted.';

create table config.kpi_ratios (
    launch_id text not null,
    kpi_id text not null,
    numerator_kpi_id text not null,
    denominator_kpi_id text not null,
    factor double precision not null,
    primary key (launch_id, kpi_id)
);
comment on table config.kpi_ratios is 'KPIs that are one KPI of a period by another, times the factor.';

create table config.phases (
    launch_id text not null,
    phase_id text not null,
    from_day integer not null,
    to_day integer,
    primary key (launch_id, phase_id)
);
comment on table config.phases is 'Named spans of launch days, both ends inclusive; without to_day for ever.';

create table config.event_measures (
    launch_id text not null,
    measure_id text not null,
    event_name text not null,
    aggregate text not null check (aggregate in ('count', 'sum', 'numbers', 'buckets')),
    property text,
    conditions jsonb,
    user_day integer,
    primary key (launch_id, measure_id, event_name)
);
comment on table config.event_measures is
    'Events whose number, or the number in a property, is a measure. conditions: [{property, operator, value: [...]}], all of them hold.';
comment on column config.event_measures.user_day is 'Only events of users on that day since their first.';

create table config.user_measures (
    launch_id text not null,
    measure_id text not null,
    item_number integer not null,
    event_name text not null,
    at_least integer not null,
    conditions jsonb,
    primary key (launch_id, measure_id, item_number, event_name)
);
comment on table config.user_measures is 'Users who did at least so many of the items within a period; an item is any of its events.';

create table config.outcome_measures (
    launch_id text not null,
    measure_id text not null,
    event_name text not null,
    at_least integer not null,
    within_period text not null check (within_period in ('month', 'quarter')),
    counted_by text not null check (counted_by in ('user', 'account')),
    conditions jsonb,
    primary key (launch_id, measure_id)
);
comment on table config.outcome_measures is 'At least so many events within a calendar month or quarter.';

create table config.funnel_measures (
    launch_id text not null,
    measure_id text not null,
    funnel_id text not null,
    of_step integer not null,
    step integer not null,
    is_lost boolean not null,
    primary key (launch_id, measure_id)
);
comment on table config.funnel_measures is 'Entries of a funnel that reached step (is_lost: did not), of those that came to of_step.';

create table config.facts (
    launch_id text not null,
    kpi_id text not null,
    measure_id text not null,
    fact_date date not null,
    value double precision,
    primary key (launch_id, measure_id, fact_date)
);
comment on table config.facts is
    'Numbers that no API has, a row per date that they speak for: a level on each date it holds, a sum on one date of the days it is of.';

alter table config.prometheus_metrics drop constraint prometheus_metrics_kind_check;
alter table config.prometheus_metrics add constraint prometheus_metrics_kind_check
check (kind in ('up', 'requests', 'latency_buckets', 'resource', 'gauge', 'counter', 'histogram'));
alter table config.prometheus_metrics add column reading text
check (reading in ('points', 'max', 'min', 'values', 'increase', 'buckets'));
comment on column config.prometheus_metrics.reading is 'Of a declared KPI, whose measure is subject_id: what is taken of a day.';

alter table config.kpi_targets alter column target drop not null;
alter table config.kpi_targets
add column phase_id text,
add column per text check (per in ('day', 'week', 'month', 'quarter', 'phase')),
add column change double precision,
add column since_from_day integer,
add column since_to_day integer,
add column promise text,
add constraint kpi_targets_bound check ((target is null) <> (change is null));
comment on column config.kpi_targets.per is 'The kind of period that is judged; null: days, weeks and months, and of a count its phase.';
comment on column config.kpi_targets.change is 'Relative to the value of the phase since_from_day to since_to_day: -0.1 is a tenth less.';
comment on column config.kpi_targets.promise is 'The document and the words that it comes from.';

grant select on config.kpi_ratios, config.phases, config.event_measures, config.user_measures, config.outcome_measures,
config.funnel_measures, config.facts
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
