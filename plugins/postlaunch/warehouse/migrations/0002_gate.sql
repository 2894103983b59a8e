-- What the gate looks at besides the marts: every load that the build stands on, beside the load that readers see now.

create table ops.gate_confirmations (
    confirmation_id bigint generated always as identity primary key,
    launch_id text not null,
    domain text not null,
    through_load_id bigint not null,
    reason text not null check (btrim(reason) <> ''),
    confirmed_by text not null,
    confirmed_at timestamptz not null default clock_timestamp()
);
comment on table ops.gate_confirmations is
    'An engineer says that odd loads are true; holds for loads up to through_load_id and only for expectations marked confirmable.';
grant select on ops.gate_confirmations
to postlaunch_loader, postlaunch_transformer, postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
grant insert on ops.gate_confirmations to postlaunch_publisher;


create view ops.domain_sources as
select mapping.domain, mapping.source
from (
    values
    ('product', 'mixpanel'),
    ('support', 'zendesk'),
    ('incidents', 'pagerduty'),
    ('reliability', 'prometheus'),
    ('capacity', 'prometheus')
) as mapping (domain, source);
comment on view ops.domain_sources is 'The source that fills each domain of marts.';

-- Loads that came after a dirty load of the same partition are not in the build yet: the gate must not judge by them.
create view ops.built_loads as
select loads.*
from ops.partition_loads as loads
where
    not exists (
        select
        from ops.partition_loads as dirty
        where
            dirty.build_id is null
            and dirty.is_changed
            and dirty.launch_id = loads.launch_id
            and dirty.source = loads.source
            and dirty.stream = loads.stream
            and dirty.partition_date is not distinct from loads.partition_date
            and dirty.load_id <= loads.load_id
    );
comment on view ops.built_loads is 'Loads whose content the schema build stands on: built, or no different from what was built.';

-- Of the loads that a publication took in, the last one of each partition is what readers see.
create view ops.accepted_loads as
select distinct on (loads.launch_id, builds.domain, loads.stream, loads.partition_date)
    loads.launch_id,
    builds.domain,
    loads.stream,
    loads.partition_date,
    loads.load_id,
    loads.landed_count,
    loads.loaded_count,
    loads.duplicate_count,
    loads.quarantined_count,
    loads.content_hash
from ops.partition_loads as loads
inner join ops.domain_sources as sources on loads.source = sources.source
inner join ops.domain_builds as builds
    on
        loads.build_id = builds.build_id
        and loads.launch_id = builds.launch_id
        and sources.domain = builds.domain
where loads.partition_date is not null and builds.publication_id is not null
order by loads.launch_id, builds.domain, loads.stream, loads.partition_date, builds.publication_id desc, loads.load_id desc;
comment on view ops.accepted_loads is 'One row a launch, domain, stream and date: the load behind the published marts.';

create function ops.median_of(figures double precision []) returns double precision
language sql immutable parallel safe
return (
    select percentile_cont(0.5) within group (order by figure)
    from unnest(figures) as figure
    where figure is not null
    having count(*) >= 3
);
comment on function ops.median_of(double precision []) is 'Median of the figures that are known; null when fewer than three are.';

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
),

-- The six days on either side of each day, where all six are loaded.
weeks as (
    select
        calendar.*,
        latest.load_id,
        latest.landed_count,
        latest.loaded_count,
        latest.duplicate_count,
        latest.quarantined_count,
        latest.content_hash,
        case when count(latest.load_id) over before = 6 then sum(latest.loaded_count) over before end as before_count,
        case when count(latest.load_id) over after = 6 then sum(latest.loaded_count) over after end as after_count
    from calendar
    left join latest using (launch_id, source, stream, partition_date)
    window
        before as (
            partition by calendar.launch_id, calendar.source, calendar.stream
            order by calendar.partition_date rows between 6 preceding and 1 preceding
        ),
        after as (
            partition by calendar.launch_id, calendar.source, calendar.stream
            order by calendar.partition_date rows between 1 following and 6 following
        )
),

-- A day's weight in its week: growth changes it little, a hole or a doubling shows at once. Only days after launch week are comparable.
shares as (
    select
        weeks.*,
        case when weeks.launch_day >= 7 then weeks.loaded_count / nullif(weeks.before_count, 0)::double precision end as before_share,
        case when weeks.launch_day >= 7 then weeks.loaded_count / nullif(weeks.after_count, 0)::double precision end as after_share
    from weeks
),

-- Three ways to expect a day: the same weekday's weight in the four weeks before, and in the four weeks after, and its count a week ago.
estimates as (
    select
        shares.*,
        shares.before_count * ops.median_of(array[
            lag(shares.before_share, 7) over stream_days, lag(shares.before_share, 14) over stream_days,
            lag(shares.before_share, 21) over stream_days, lag(shares.before_share, 28) over stream_days
        ]) as from_weeks_before,
        shares.after_count * ops.median_of(array[
            lead(shares.after_share, 7) over stream_days, lead(shares.after_share, 14) over stream_days,
            lead(shares.after_share, 21) over stream_days, lead(shares.after_share, 28) over stream_days
        ]) as from_weeks_after,
        lag(shares.loaded_count, 7) over stream_days as from_last_week
    from shares
    window stream_days as (
        partition by shares.launch_id, shares.source, shares.stream
        order by shares.partition_date
    )
),

-- A change of level or the end of a growth spurt lies between the three, damage lies outside of all of them.
judged as (
    select
        estimates.*,
        greatest(
            least(estimates.from_weeks_before, estimates.from_weeks_after, estimates.from_last_week),
            least(
                greatest(estimates.from_weeks_before, estimates.from_weeks_after, estimates.from_last_week),
                estimates.loaded_count
            )
        ) as expected_count
    from estimates
)

select
    judged.launch_id,
    sources.domain,
    judged.source,
    judged.stream,
    judged.partition_date,
    judged.launch_day,
    judged.load_id,
    judged.landed_count,
    judged.loaded_count,
    judged.duplicate_count,
    judged.quarantined_count,
    accepted.loaded_count as accepted_count,
    judged.expected_count,
    case when judged.duplicate_count > 2 then judged.duplicate_count / judged.landed_count::double precision else 0 end as duplicate_ratio,
    case when judged.quarantined_count > 2 then judged.quarantined_count / judged.landed_count::double precision else 0 end as quarantined_ratio,
    judged.loaded_count / nullif(accepted.loaded_count, 0)::double precision as reload_ratio,
    case
        when judged.from_weeks_before is null then null
        when abs(judged.loaded_count - judged.expected_count) > 5 * sqrt(greatest(judged.expected_count, 1))
            then judged.loaded_count / greatest(judged.expected_count, 1)
        else 1
    end as volume_ratio,
    coalesce(
        (judged.content_hash, judged.landed_count, judged.loaded_count, judged.duplicate_count, judged.quarantined_count)
        = (accepted.content_hash, accepted.landed_count, accepted.loaded_count, accepted.duplicate_count, accepted.quarantined_count),
        false
    ) as is_settled
from judged
inner join ops.domain_sources as sources on judged.source = sources.source
left join ops.accepted_loads as accepted
    on
        judged.launch_id = accepted.launch_id
        and sources.domain = accepted.domain
        and judged.stream = accepted.stream
        and judged.partition_date = accepted.partition_date;
comment on view ops.partition_audit is
    'What the gate asks of events and samples, one row a launch, domain, stream and date; load_id is null where a date between loaded ones is missing.';
comment on column ops.partition_audit.reload_ratio is 'Rows against the load behind the published marts; null if the date was never published.';
comment on column ops.partition_audit.expected_count is
    'Of all that its neighbours make one expect, the figure nearest to the loaded count; the count itself if it lies between them.';
comment on column ops.partition_audit.volume_ratio is
    'loaded_count by expected_count; 1 within chance (five standard deviations of a Poisson count), null with fewer than three comparable weeks.';
comment on column ops.partition_audit.duplicate_ratio is 'Of the landed rows; up to two are not counted, so that a small day is not held for one row.';
comment on column ops.partition_audit.is_settled is 'Readers see exactly this load already.';

-- Entities are merged by id: a load counts until a later one covers its window, or until it is published.
create view ops.load_audit as
select
    loads.launch_id,
    sources.domain,
    loads.source,
    loads.stream,
    loads.load_id,
    loads.window_start_at,
    loads.window_end_at,
    (loads.window_start_at at time zone launches.timezone)::date as first_date,
    loads.landed_count,
    loads.loaded_count,
    loads.duplicate_count,
    loads.quarantined_count,
    case when loads.quarantined_count > 2 then loads.quarantined_count / loads.landed_count::double precision else 0 end as quarantined_ratio,
    builds.publication_id is not null as is_settled
from ops.partition_loads as loads
inner join ops.domain_sources as sources on loads.source = sources.source
inner join config.launches as launches on loads.launch_id = launches.launch_id
left join ops.domain_builds as builds
    on
        loads.build_id = builds.build_id
        and loads.launch_id = builds.launch_id
        and sources.domain = builds.domain
where
    loads.partition_date is null
    and not (loads.build_id is null and loads.is_changed)
    and not exists (
        select
        from ops.partition_loads as later
        where
            later.load_id > loads.load_id
            and later.launch_id = loads.launch_id
            and later.source = loads.source
            and later.stream = loads.stream
            and later.window_start_at <= loads.window_start_at
            and later.window_end_at >= loads.window_end_at
            and not (later.build_id is null and later.is_changed)
    );
comment on view ops.load_audit is 'What the gate asks of tickets and incidents, one row a load that no later load covers.';

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

grant select on
    ops.domain_sources, ops.built_loads, ops.accepted_loads, ops.partition_audit, ops.load_audit, ops.event_copies_audit
to postlaunch_auditor, postlaunch_publisher, postlaunch_reporter;
