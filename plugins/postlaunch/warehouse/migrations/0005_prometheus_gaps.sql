-- What a source warned of, and where samples are missing between samples.

alter table ops.partition_loads add column warnings text [] not null default '{}';
comment on column ops.partition_loads.warnings is
    'What the source said beside its answer, and what the connector left out; from the manifest.';
create index on ops.partition_loads (launch_id, source, build_id) where warnings <> '{}';

-- A load that a later one of its partition has replaced in the build warns of nothing any more.
create view ops.load_warnings as
select
    loads.launch_id,
    sources.domain,
    loads.source,
    loads.stream,
    loads.load_id,
    loads.partition_date,
    warnings.warning,
    builds.publication_id is not null as is_settled
from ops.partition_loads as loads
inner join ops.domain_sources as sources on loads.source = sources.source
inner join ops.domain_builds as builds
    on
        loads.build_id = builds.build_id
        and loads.launch_id = builds.launch_id
        and sources.domain = builds.domain
cross join lateral unnest(loads.warnings) as warnings (warning)
where
    loads.warnings <> '{}'
    and not exists (
        select
        from ops.partition_loads as later
        where
            later.load_id > loads.load_id
            and later.build_id is not null
            and later.launch_id = loads.launch_id
            and later.source = loads.source
            and later.stream = loads.stream
            and later.partition_date = loads.partition_date
    );
comment on view ops.load_warnings is 'One row a warning of a load that the build stands on, and domain that it fills.';
grant select on ops.load_warnings to postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;

create table raw.prometheus_series_dates (
    launch_id text not null,
    sample_date date not null,
    metric_id text not null,
    series_id bigint not null,
    step_seconds integer not null,
    first_sampled_at timestamptz not null,
    last_sampled_at timestamptz not null,
    sample_count bigint not null,
    load_id bigint not null,
    primary key (launch_id, sample_date, series_id)
);
comment on table raw.prometheus_series_dates is 'One row a series and date with samples; replaced with the date.';

insert into raw.prometheus_series_dates
select
    samples.launch_id,
    samples.sample_date,
    samples.metric_id,
    samples.series_id,
    (loads.request ->> 'step_seconds')::integer as step_seconds,
    min(samples.sampled_at) as first_sampled_at,
    max(samples.sampled_at) as last_sampled_at,
    count(*) as sample_count,
    samples.load_id
from raw.prometheus_samples as samples
inner join ops.partition_loads as loads on samples.load_id = loads.load_id
where loads.request ->> 'step_seconds' is not null
group by samples.launch_id, samples.sample_date, samples.metric_id, samples.series_id, loads.request, samples.load_id;

-- Only dates with fewer samples than points between their first and last are looked into; the rest is told by their edges.
create view raw.prometheus_gaps as
with dates as (
    select
        dates.*,
        make_interval(secs => dates.step_seconds) as step,
        lead(dates.first_sampled_at) over (partition by dates.launch_id, dates.series_id order by dates.sample_date) as next_sampled_at
    from raw.prometheus_series_dates as dates
),

neighbours as (
    select
        samples.launch_id,
        samples.sample_date,
        samples.metric_id,
        samples.series_id,
        dates.step,
        dates.load_id,
        samples.sampled_at,
        lead(samples.sampled_at) over (
            partition by samples.launch_id, samples.sample_date, samples.series_id
            order by samples.sampled_at
        ) as next_sampled_at
    from dates
    inner join raw.prometheus_samples as samples
        on
            dates.launch_id = samples.launch_id
            and dates.sample_date = samples.sample_date
            and dates.metric_id = samples.metric_id
            and dates.series_id = samples.series_id
    where dates.first_sampled_at + (dates.sample_count - 1) * dates.step < dates.last_sampled_at
),

pairs as (
    select
        launch_id,
        sample_date,
        metric_id,
        series_id,
        step,
        load_id,
        sampled_at,
        next_sampled_at
    from neighbours
    union all
    select
        launch_id,
        sample_date,
        metric_id,
        series_id,
        step,
        load_id,
        last_sampled_at,
        next_sampled_at
    from dates
)

select
    launch_id,
    sample_date,
    metric_id,
    series_id,
    sampled_at + step as starts_at,
    next_sampled_at as ends_at,
    ceil(extract(epoch from next_sampled_at - sampled_at) / extract(epoch from step))::bigint - 1 as missing_count,
    load_id
from pairs
where next_sampled_at > sampled_at + step;
comment on view raw.prometheus_gaps is
    'One row a stretch of missing points between two samples of a series, [starts_at, ends_at); date and load are of the sample before it.';

alter table raw.prometheus_series_dates owner to postlaunch_loader;
alter view raw.prometheus_gaps owner to postlaunch_loader;
grant select on raw.prometheus_series_dates, raw.prometheus_gaps to postlaunch_transformer;
grant select on raw.prometheus_gaps to postlaunch_auditor;
