"""Reads the published marts (role reporter) into the rows of `rows.py`.

    marts.kpis, scorecard, kpi_daily  ->  KpiValue, DailyValue                     every review
    marts.kpis, verdict_gates         ->  JudgedTarget                             the verdict
    marts.<domain tables>             ->  ActiveUsers, FunnelStep, SlaCount, ...  the sections of a domain

All functions take the reporter's session; `render` runs them in one repeatable-read transaction, hence in one publication.
Both ends of a range of dates are inclusive.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import ReviewError
from postlaunch.reviews import outside
from postlaunch.reviews.mirage import DAY as MIRAGE_DAY
from postlaunch.reviews.mirage import Staying
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import (
    ActiveUsers,
    CapacityDay,
    CohortCell,
    DailyValue,
    Forecast,
    FunnelStep,
    Incident,
    JudgedTarget,
    KpiValue,
    LatencyBucket,
    LoadWarning,
    Planned,
    Response,
    SeenDate,
    ServiceSums,
    SlaClock,
    SlaCount,
    StandingFault,
    TicketCategory,
    Tickets,
    Unseen,
)

Reader = psycopg.Connection[Any]
Row = TypeVar("Row")

# What a KPI of a subject and a segment is called, and whether it is one of stability; `shown` has the subject and the segment.
_OF_SUBJECT = """
    case shown.subject_id
        when '' then kpi.name
        else replace(replace(kpi.subject_name, '{kpi}', kpi.name), '{subject}', shown.subject_id)
    end || coalesce(', ' || coalesce(%(segment_names)s::jsonb ->> shown.segment_id, nullif(shown.segment_id, '')), '') as name,
    kpi.is_stability or shown.subject_id = any(string_to_array(kpi.stability_subjects, ',')) as is_stability
"""

_SCORECARD = f"""
with kpis as (
    select * from marts.kpis where launch_id = %(launch)s
),

promised as (
    select * from unnest(%(promised_kpis)s::text[], %(promised_subjects)s::text[], %(promised_segments)s::text[])
        as keys (kpi_id, subject_id, segment_id)
),

shown as (
    select kpi_id, unnest(string_to_array(shown_subjects, ',')) as subject_id, '' as segment_id from kpis
    union
    select kpi_id, '' as subject_id, '' as segment_id from kpis where shown_subjects = ''
    union
    select kpi_id, subject_id, segment_id from marts.scorecard
    where launch_id = %(launch)s and period_kind = %(grain)s and period_start = %(start)s and target is not null
    union
    select * from promised
)

select kpi.kpi_id, shown.subject_id, shown.segment_id, {_OF_SUBJECT},
    kpi.domain, kpi.unit, kpi.better, kpi.period_rule,
    now.value, now.numerator, now.denominator, now.previous_value as previous,
    coalesce(before.status, 'no_data') as previous_status, week.value as week_ago,
    now.target, now.comparator, coalesce(now.status, 'no_data') as status, coalesce(now.is_complete, false) as is_complete,
    coalesce(now.is_quota, false) as is_quota, now.phase_value,
    coalesce(now.days_seen_count, 0) as days_seen, coalesce(now.days_expected_count, 0) as days_expected,
    kpi.denominator_unit, kpi.needs_sample, kpi.is_volume, kpi.is_countdown,
    coalesce(kpi.evidence, '') as evidence, string_to_array(kpi.charted, ',') as charted
from kpis as kpi
inner join shown on shown.kpi_id = kpi.kpi_id
left join marts.scorecard as now
    on now.launch_id = %(launch)s and now.kpi_id = kpi.kpi_id and now.subject_id = shown.subject_id and now.segment_id = shown.segment_id
    and now.period_kind = %(grain)s and now.period_start = %(start)s
left join marts.scorecard as before
    on before.launch_id = %(launch)s and before.kpi_id = kpi.kpi_id and before.subject_id = shown.subject_id
    and before.segment_id = shown.segment_id and before.period_kind = %(grain)s and before.period_start = %(previous)s
left join marts.scorecard as week
    on week.launch_id = %(launch)s and week.kpi_id = kpi.kpi_id and week.subject_id = shown.subject_id
    and week.segment_id = shown.segment_id and week.period_kind = 'day' and week.period_start = %(start)s - 7
where (kpi.kpi_id, shown.subject_id, shown.segment_id) in (select * from promised)
    or kpi.domain = any(%(domains)s) and (now.target is not null or exists (
        select from marts.kpi_daily as seen
        where seen.launch_id = %(launch)s and seen.kpi_id = kpi.kpi_id and seen.subject_id = shown.subject_id
            and seen.segment_id = shown.segment_id and seen.value is not null
    ))
order by kpi.display_order, length(shown.subject_id), shown.subject_id, shown.segment_id
"""  # noqa: S608  no input, only our own constant


def metrics(
    session: Reader,
    launch_id: str,
    domains: Sequence[str],
    grain: str,
    start: dt.date,
    previous: dt.date,
    segment_names: Mapping[str, str],
    promised: Sequence[tuple[str, str, str]] = (),
) -> list[KpiValue]:
    """The scorecard of the period that begins at `start`, in the order of the catalogue.

    Of each KPI the subjects that are shown (usually the whole) and those with a target, of everybody or of a wave. One that this launch
    never measured and promises nothing about is left out (a launch without an activation funnel has no activation); with a target it
    stays, as no data, and named in `promised` as (KPI, subject, segment) also where the launch has no source for it. A segment is called
    by its name, and by its id where the launch file does not name it any more.
    """
    return _fetch(
        session,
        KpiValue,
        _SCORECARD,
        {
            "launch": launch_id,
            "grain": grain,
            "start": start,
            "previous": previous,
            "domains": list(domains),
            "segment_names": Jsonb(dict(segment_names)),
            "promised_kpis": [kpi_id for kpi_id, _, _ in promised],
            "promised_subjects": [subject for _, subject, _ in promised],
            "promised_segments": [segment for _, _, segment in promised],
        },
    )


def seen_dates(session: Reader, launch_id: str, dates: Dates) -> dict[str, set[dt.date]]:
    """Dates that the published marts cover, by domain; a domain that was not seen at all is not in it."""
    found: dict[str, set[dt.date]] = {}
    for row in _fetch(
        session,
        SeenDate,
        """
        select distinct domain, metric_date
        from marts.kpi_daily
        where launch_id = %(launch)s and metric_date between %(first)s and %(last)s
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    ):
        found.setdefault(row.domain, set()).add(row.metric_date)
    return found


def daily_values(session: Reader, launch_id: str, metric: KpiValue, dates: Dates) -> list[DailyValue]:
    """`kpi_daily` of one KPI and subject, by date."""
    return _fetch(
        session,
        DailyValue,
        """
        select kpi_id, metric_date, launch_day, value, numerator, denominator
        from marts.kpi_daily
        where launch_id = %(launch)s and kpi_id = %(kpi)s and subject_id = %(subject)s and segment_id = %(segment)s
            and metric_date between %(first)s and %(last)s
        order by metric_date
        """,
        {
            "launch": launch_id,
            "kpi": metric.kpi_id,
            "subject": metric.subject_id,
            "segment": metric.segment_id,
            "first": dates.first,
            "last": dates.last,
        },
    )


def judged_targets(session: Reader, launch_id: str, last: dt.date, segment_names: Mapping[str, str]) -> list[JudgedTarget]:
    """The gates of the verdict whose last day is `last`, in the order of the catalogue."""
    return _fetch(
        session,
        JudgedTarget,
        f"""
        select shown.kpi_id, shown.subject_id, shown.segment_id, {_OF_SUBJECT},
            kpi.domain, kpi.unit, kpi.denominator_unit, kpi.needs_sample,
            shown.period_kind, shown.phase_start, shown.phase_end, shown.value, shown.numerator, shown.denominator, shown.target,
            shown.comparator, coalesce(shown.promise, '') as promise, shown.status, coalesce(shown.periods_count, 0) as periods,
            coalesce(shown.periods_met_count, 0) as periods_met, shown.days_unseen_count as days_unseen
        from marts.verdict_gates as shown
        inner join marts.kpis as kpi using (launch_id, kpi_id)
        where shown.launch_id = %(launch)s and shown.verdict_date = %(last)s
        order by kpi.display_order, length(shown.subject_id), shown.subject_id, shown.segment_id, shown.period_kind, shown.phase_end
        """,  # noqa: S608  no input, only our own constant
        {"launch": launch_id, "last": last, "segment_names": Jsonb(dict(segment_names))},
    )


def planned(session: Reader, launch_id: str, dates: Dates) -> list[Planned]:
    """What was planned for the months of the launch that ended in `first`..`last`, and for the next one, month by month."""
    return _fetch(
        session,
        Planned,
        """
        select kpi.name, kpi.unit, plan.month_number, plan.period_end, plan.is_per_day, plan.planned_value, plan.value, plan.is_complete,
            plan.days_seen_count as days_seen
        from marts.plan_months as plan
        inner join marts.kpis as kpi using (launch_id, kpi_id)
        where plan.launch_id = %(launch)s and plan.period_end >= %(first)s and (plan.period_end <= %(last)s or plan.month_number = (
            select min(month_number) from marts.plan_months where launch_id = %(launch)s and period_end > %(last)s
        ))
        order by plan.month_number, kpi.display_order
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def active_users(session: Reader, launch_id: str, dates: Dates) -> list[ActiveUsers]:
    """One row per day on which something was measured."""
    return _fetch(
        session,
        ActiveUsers,
        """
        select metric_date, active_users_count, active_users_7d_count, active_users_30d_count, new_users_count
        from marts.active_users_daily
        where launch_id = %(launch)s and active_users_count is not null and metric_date between %(first)s and %(last)s
        order by metric_date
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def funnel_steps(session: Reader, launch_id: str, dates: Dates) -> list[FunnelStep]:
    """Funnels by funnel and step: uniques of the day, ISO week or month `first`..`last`, a user once. Without those of which a step was
    never seen."""
    return _fetch(
        session,
        FunnelStep,
        """
        select funnel_id, funnel_name, step_number, step_name, entered_count, reached_count, pending_count
        from marts.funnel_periods
        where launch_id = %(launch)s and counting = 'uniques' and period_start = %(first)s and period_end = %(last)s
            and funnel_id not in (
                select funnel_id from marts.funnel_periods where launch_id = %(launch)s and (entered_count is null or reached_count is null)
            )
        order by funnel_id, step_number
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def weekly_cohorts(session: Reader, launch_id: str, last: dt.date, cohorts: int) -> list[CohortCell]:
    """The newest `cohorts` weekly cohorts that began by `last`, however long ago, with every week up to `last`."""
    return _fetch(
        session,
        CohortCell,
        """
        with newest as (
            select distinct cohort_date
            from marts.retention_cohorts
            where launch_id = %(launch)s and period_kind = 'week' and cohort_date <= %(last)s
            order by cohort_date desc
            limit %(cohorts)s
        )
        select cohort_date, period_number, cohort_size_count, retained_count,
            is_complete and cohort_date + 7 * period_number + 6 <= %(last)s as is_complete
        from marts.retention_cohorts
        inner join newest using (cohort_date)
        where launch_id = %(launch)s and period_kind = 'week' and cohort_date + 7 * period_number <= %(last)s
        order by cohort_date, period_number
        """,
        {"launch": launch_id, "last": last, "cohorts": cohorts},
    )


def staying(session: Reader, launch_id: str, dates: Dates, later: dt.date) -> Staying:
    """Users who began in these dates and whose seventh day is among them: before the date `later`, and from it on."""
    (found,) = _fetch(
        session,
        Staying,
        """
        select
            coalesce(sum(cohort_size_count) filter (where cohort_date < %(later)s), 0)::bigint as early_users,
            coalesce(sum(retained_count) filter (where cohort_date < %(later)s), 0)::bigint as early_retained,
            coalesce(sum(cohort_size_count) filter (where cohort_date >= %(later)s), 0)::bigint as later_users,
            coalesce(sum(retained_count) filter (where cohort_date >= %(later)s), 0)::bigint as later_retained
        from marts.retention_cohorts
        where launch_id = %(launch)s and period_kind = 'day' and period_number = %(day)s and is_complete
            and cohort_date between %(first)s and %(last)s::date - %(day)s
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last, "later": later, "day": MIRAGE_DAY},
    )
    return found


def tickets(session: Reader, launch_id: str, dates: Dates) -> list[Tickets]:
    """One row per day on which something was measured, all priorities together."""
    return _fetch(
        session,
        Tickets,
        """
        select metric_date, sum(opened_count)::bigint as opened_count, sum(solved_count)::bigint as solved_count,
            sum(backlog_count)::bigint as backlog_count
        from marts.ticket_daily
        where launch_id = %(launch)s and backlog_count is not null and metric_date between %(first)s and %(last)s
        group by metric_date
        order by metric_date
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def ticket_categories(session: Reader, launch_id: str, period: Period) -> list[TicketCategory]:
    """What tickets were about, the most common first and those without a category last; none where the launch file has no categories."""
    return _fetch(
        session,
        TicketCategory,
        """
        select category_id, category_name as name,
            (sum(opened_count) filter (where metric_date between %(first)s and %(last)s))::bigint as opened_count,
            (sum(opened_count) filter (where metric_date = any(%(before)s)))::bigint as previous_count,
            (sum(all_opened_count) filter (where metric_date between %(first)s and %(last)s))::bigint as all_opened_count
        from marts.ticket_categories_daily
        where launch_id = %(launch)s and (metric_date between %(first)s and %(last)s or metric_date = any(%(before)s))
        group by category_id, category_name
        order by category_id = 'none', opened_count desc nulls last, category_id
        """,
        {"launch": launch_id, "first": period.start, "last": period.end, "before": list(period.counterparts())},
    )


def sla_counts(session: Reader, launch_id: str, dates: Dates) -> list[SlaCount]:
    """Clocks started in the period, by SLA metric and priority."""
    return _fetch(
        session,
        SlaCount,
        """
        select metric, priority, sum(started_count)::bigint as started_count, sum(attained_count)::bigint as attained_count,
            sum(breached_count)::bigint as breached_count, sum(running_count)::bigint as running_count
        from marts.ticket_sla_daily
        where launch_id = %(launch)s and metric_date between %(first)s and %(last)s
        group by metric, priority
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def running_clocks(session: Reader, launch_id: str, day: dt.date) -> list[SlaClock]:
    """Promised SLA clocks as they stood at the end of `day`, the most overdue first; of those that were paused then, the late ones."""
    return _fetch(
        session,
        SlaClock,
        """
        select ticket_id::text as ticket_id, metric, priority, started_at, is_breached, due_seconds_left, support_day_seconds
        from marts.ticket_clock_daily
        where launch_id = %(launch)s and metric_date = %(day)s and (is_breached or not is_paused)
        order by due_seconds_left, ticket_id
        """,
        {"launch": launch_id, "day": day},
    )


def incidents(session: Reader, launch_id: str, dates: Dates) -> list[Incident]:
    """Incidents triggered in the period, by time; without those for which another one counts."""
    return _fetch(
        session,
        Incident,
        """
        select incident_number, title, severity, service_name, metric_date, triggered_at, acknowledge_seconds, resolve_seconds,
            is_open, is_acknowledged
        from marts.incidents
        where launch_id = %(launch)s and is_counted and metric_date between %(first)s and %(last)s
        order by triggered_at
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def responses(session: Reader, launch_id: str, grain: str, start: dt.date) -> list[Response]:
    """Acknowledging and resolving in the period (`grain`: day, week, month) that begins at `start`, by severity; none without incidents."""
    return _fetch(
        session,
        Response,
        """
        select severity, act, triggered_count, done_count, mean_seconds, target_seconds, late_count,
            in_time_count + late_count as judged_count, status
        from marts.incident_responses
        cross join lateral (values
            (
                'acknowledge', acknowledged_count, acknowledge_seconds_mean, acknowledge_target_seconds, acknowledged_in_time_count,
                acknowledged_late_count, acknowledge_status
            ),
            (
                'resolve', resolved_count, resolve_seconds_mean, resolve_target_seconds, resolved_in_time_count, resolved_late_count,
                resolve_status
            )
        ) as acts (act, done_count, mean_seconds, target_seconds, in_time_count, late_count, status)
        where launch_id = %(launch)s and period_kind = %(grain)s and period_start = %(start)s
        order by severity = 'none', severity, act
        """,
        {"launch": launch_id, "grain": grain, "start": start},
    )


def service_levels(session: Reader, launch_id: str, dates: Dates) -> list[ServiceSums]:
    """Sums of the period, by service."""
    return _fetch(
        session,
        ServiceSums,
        """
        select service_id, max(service_name) as service_name,
            coalesce(sum(observed_seconds), 0)::float8 as observed_seconds, coalesce(sum(up_seconds), 0)::float8 as up_seconds,
            coalesce(sum(no_data_seconds), 0)::float8 as no_data_seconds,
            coalesce(sum(request_count), 0)::float8 as request_count,
            sum(error_count)::float8 / nullif(sum(classified_request_count), 0)::float8 as error_ratio
        from marts.service_level_daily
        where launch_id = %(launch)s and metric_date between %(first)s and %(last)s
        group by service_id
        order by service_id
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def latency_buckets(session: Reader, launch_id: str, dates: Dates) -> list[LatencyBucket]:
    """Merged histogram of the period, by service and bound."""
    return _fetch(
        session,
        LatencyBucket,
        """
        select service_id, upper_bound_seconds::float8 as upper_bound_seconds, sum(request_count)::float8 as request_count
        from marts.latency_buckets_daily
        where launch_id = %(launch)s and metric_date between %(first)s and %(last)s
        group by service_id, upper_bound_seconds
        order by service_id, upper_bound_seconds
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def capacity_days(session: Reader, launch_id: str, dates: Dates) -> list[CapacityDay]:
    """One row a resource and day."""
    return _fetch(
        session,
        CapacityDay,
        """
        select resource_id, resource_name, unit, metric_date, p95_value::float8 as p95_value, trigger_value::float8 as trigger_value
        from marts.capacity_daily
        where launch_id = %(launch)s and metric_date between %(first)s and %(last)s
        order by resource_id, metric_date
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def forecasts(session: Reader, launch_id: str, dates: Dates) -> list[Forecast]:
    """The newest forecast of each resource that was made in `first`..`last`, the soonest trigger first."""
    return _fetch(
        session,
        Forecast,
        """
        select distinct on (resource_id) resource_id, resource_name, unit, metric_date, observed_days_count, level_value,
            slope_per_day, slope_low_per_day, slope_high_per_day, trigger_value,
            days_to_trigger, days_to_trigger_low, days_to_trigger_high, is_growing, backtest_count, backtest_covered_count
        from marts.capacity_forecast
        where launch_id = %(launch)s and metric_date between %(first)s and %(last)s
        order by resource_id, metric_date desc
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
    )


def load_warnings(session: Reader, launch: Launch, dates: Dates) -> list[LoadWarning]:
    """What published loads of these dates warned of, each text once, the newest first; of streams without dates (tickets, incidents) the
    newest pull that touches them speaks."""
    since, until = launch.window(dates)
    return _fetch(
        session,
        LoadWarning,
        """
        select source, warning, count(distinct load_id)::integer as loads
        from ops.load_warnings
        where launch_id = %(launch)s and is_settled and (
            partition_date between %(first)s and %(last)s
            or partition_date is null and load_id in (
                select max(load_id)
                from ops.partition_loads
                where launch_id = %(launch)s and partition_date is null and build_id is not null
                    and window_start_at < %(until)s and window_end_at > %(since)s
                group by source, stream
            )
        )
        group by source, warning
        order by max(load_id) desc, source, warning
        """,
        {"launch": launch.launch, "first": dates.first, "last": dates.last, "since": since, "until": until},
        limit=outside.REASON_LIMIT,
    )


def unseen(session: Reader, launch_id: str, dates: Dates) -> list[Unseen]:
    """The column `notice` of the marts that have one: selectors, labels, services, priorities, brands and events that matched nothing."""
    return _fetch(
        session,
        Unseen,
        """
        select service_name as subject, notice, count(*)::integer as dates
        from marts.service_level_daily
        where launch_id = %(launch)s and notice is not null and metric_date between %(first)s and %(last)s
        group by service_name, notice
        union all
        select '' as subject, notice, count(distinct metric_date)::integer as dates
        from marts.incident_daily
        where launch_id = %(launch)s and notice is not null and metric_date between %(first)s and %(last)s
        group by notice
        union all
        select '' as subject, notice, count(*)::integer as dates
        from marts.ticket_daily
        where launch_id = %(launch)s and notice is not null and metric_date between %(first)s and %(last)s
        group by notice
        union all
        select '' as subject, notice, count(*)::integer as dates
        from marts.active_users_daily
        where launch_id = %(launch)s and notice is not null and metric_date between %(first)s and %(last)s
        group by notice
        union all
        select '' as subject, notice, count(distinct entry_date)::integer as dates
        from marts.funnel_daily
        where launch_id = %(launch)s and notice is not null and entry_date between %(first)s and %(last)s
        group by notice
        order by dates desc, subject, notice
        """,
        {"launch": launch_id, "first": dates.first, "last": dates.last},
        limit=outside.REASON_LIMIT,
    )


def launch_faults(session: Reader) -> list[StandingFault]:
    """Launch files that are wrong now."""
    statement = "select launch_id, reason, since from ops.launch_faults order by launch_id"
    return _fetch(session, StandingFault, statement, {}, limit=outside.REASON_LIMIT)


def publication_id(session: Reader) -> int | None:
    """The newest publication that this session sees."""
    row = session.execute("select max(publication_id) from ops.publications").fetchone()
    return int(row[0]) if row and row[0] is not None else None


def _fetch(session: Reader, row_type: type[Row], statement: str, parameters: Mapping[str, Any], *, limit: int = outside.LIMIT) -> list[Row]:
    """Rows of a statement. All text comes from outside, one way or the other: it is cleaned here, once, whoever shows it."""
    try:
        with session.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(statement.encode(), parameters).fetchall()
    except psycopg.errors.UndefinedTable as error:
        raise ReviewError(f"nothing is published yet ({error.diag.message_primary}): run `postlaunch build`, `audit`, `publish`") from error
    return [
        row_type(**{name: outside.clean(value, limit) if isinstance(value, str) else value for name, value in row.items()}) for row in rows
    ]
