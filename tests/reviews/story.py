"""Published marts for the tests of the reviews: 100 days around a launch, with one P1 incident on 12 March and a leak.

The tables have the columns of the dbt contracts that reviews read; the numbers come from a fixed seed. `fill(session)` makes
`emr-platform` (all sources) and `shop` (Mixpanel alone).
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from postlaunch.config.launch import Launch, Target
from postlaunch.kpis.catalogue import Kpi, catalogue

LAUNCH_DATE = dt.date(2026, 1, 12)
FIRST, LAST = dt.date(2026, 1, 3), dt.date(2026, 4, 12)
INCIDENT_DAY = dt.date(2026, 3, 12)
BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, math.inf)

DDL = """
create table marts.kpis (launch_id text, kpi_id text, domain text, display_order integer, name text, unit text, better text,
    period_rule text, denominator_unit text, buckets text, quantile double precision, subject_name text, shown_subjects text,
    stability_subjects text, needs_sample boolean, is_stability boolean, is_volume boolean, is_countdown boolean, evidence text,
    charted text);
create table marts.measure_buckets_daily (launch_id text, measure_id text, subject_id text, segment_id text, metric_date date,
    upper_bound double precision, value double precision);
create table marts.active_users_daily (launch_id text, metric_date date, launch_day integer, active_users_count bigint,
    active_users_7d_count bigint, active_users_30d_count bigint, new_users_count bigint, notice text);
create table marts.funnel_daily (launch_id text, funnel_id text, entry_date date, step_number integer, notice text);
create table marts.funnel_periods (launch_id text, funnel_id text, funnel_name text, counting text, period_kind text, period_start date,
    period_end date, step_number integer, step_name text, entered_count bigint, reached_count bigint, pending_count bigint,
    reached_ratio double precision, is_complete boolean);
create table marts.retention_cohorts (launch_id text, period_kind text, cohort_date date, period_number integer, cohort_size_count bigint,
    retained_count bigint, is_complete boolean, retained_ratio double precision);
create table marts.ticket_daily (launch_id text, metric_date date, launch_day integer, priority text, opened_count bigint,
    solved_count bigint, backlog_count bigint, notice text);
create table marts.ticket_categories_daily (launch_id text, metric_date date, category_id text, category_name text,
    opened_count bigint, all_opened_count bigint);
create table marts.ticket_clock_daily (launch_id text, metric_date date, launch_day integer, ticket_id text, metric text, priority text,
    started_at timestamptz, is_paused boolean, is_breached boolean, due_seconds_left double precision,
    support_day_seconds double precision);
create table marts.ticket_sla_daily (launch_id text, metric_date date, launch_day integer, metric text, priority text, started_count bigint,
    attained_count bigint, breached_count bigint, running_count bigint);
create table marts.incidents (launch_id text, incident_id text, incident_number integer, title text, severity text, service_name text,
    metric_date date, launch_day integer, triggered_at timestamptz, acknowledge_seconds double precision, resolve_seconds double precision,
    is_open boolean, is_acknowledged boolean, is_counted boolean default true);
create table marts.incident_responses (launch_id text, period_kind text, period_start date, severity text, triggered_count bigint,
    acknowledged_count bigint, acknowledge_seconds_mean double precision, acknowledge_target_seconds double precision,
    acknowledged_in_time_count bigint, acknowledged_late_count bigint, acknowledge_status text,
    resolved_count bigint, resolve_seconds_mean double precision, resolve_target_seconds double precision,
    resolved_in_time_count bigint, resolved_late_count bigint, resolve_status text);
create table marts.service_level_daily (launch_id text, service_id text, service_name text, metric_date date, launch_day integer,
    observed_seconds double precision, up_seconds double precision, no_data_seconds double precision, request_count double precision,
    error_count double precision, classified_request_count double precision, notice text);
create table marts.incident_daily (launch_id text, metric_date date, severity text, notice text);
create table marts.latency_buckets_daily (launch_id text, service_id text, metric_date date, launch_day integer,
    upper_bound_seconds double precision, request_count double precision);
create table marts.capacity_daily (launch_id text, resource_id text, resource_name text, unit text, metric_date date, launch_day integer,
    p95_value double precision, trigger_value double precision);
create table marts.capacity_forecast (launch_id text, resource_id text, resource_name text, unit text, metric_date date, launch_day integer,
    observed_days_count integer, level_value double precision, slope_per_day double precision, slope_low_per_day double precision,
    slope_high_per_day double precision, trigger_value double precision, days_to_trigger double precision,
    days_to_trigger_low double precision, days_to_trigger_high double precision, is_growing boolean, backtest_count bigint,
    backtest_covered_count bigint);
create table marts.kpi_daily (launch_id text, domain text, kpi_id text, subject_id text, segment_id text, metric_date date,
    launch_day integer, value double precision, numerator double precision, denominator double precision);
create table marts.scorecard (launch_id text, domain text, kpi_id text, subject_id text, segment_id text, period_kind text,
    period_start date, period_end date,
    launch_day integer, value double precision, numerator double precision, denominator double precision, previous_value double precision,
    target double precision, comparator text, is_quota boolean, phase_value double precision, status text, days_seen_count integer,
    days_expected_count integer, is_complete boolean);
create table marts.verdict_gates (launch_id text, domain text, kpi_id text, subject_id text, segment_id text, verdict_day integer,
    verdict_date date, period_kind text, phase_start date, phase_end date, value double precision, numerator double precision,
    denominator double precision, target double precision, comparator text, promise text, status text, periods_count integer,
    periods_met_count integer, days_unseen_count integer);
create table marts.plan_months (launch_id text, domain text, kpi_id text, month_number integer, period_start date, period_end date,
    is_per_day boolean, planned_value double precision, value double precision, is_complete boolean, days_seen_count integer);
"""

KPIS = catalogue()

EMR = Launch.model_validate(
    {
        "launch": "emr-platform",
        "name": "EMR platform",
        "owner": {"name": "Dana Okafor", "email": "dana@emr-platform.example"},
        "date": LAUNCH_DATE,
        "timezone": "America/New_York",
        "reviews": {"recipients": {"monthly": ["leadership@emr-platform.example"]}, "business_cycle_days": 28, "minimum_sample": 30},
        "mixpanel": {
            "project_id": 1001,
            "funnels": [{"id": "activation", "name": "First task created", "steps": ["Signed Up", "Task Created"]}],
        },
        "zendesk": {"categories": [{"id": "login", "name": "Login", "tags": ["login"]}, {"id": "bug", "name": "Bugs", "tags": ["bug"]}]},
        "pagerduty": {
            "targets": [
                {"severity": "P1", "acknowledge_minutes": 5, "resolve_minutes": 60},
                {"severity": "P2", "acknowledge_minutes": 15, "resolve_minutes": 120},
            ]
        },
        "prometheus": {},
        "kpis": [
            {"kpi": "uptime", "targets": [{"to_day": 29, "at_least": 0.999}, {"from_day": 30, "at_least": 0.9999}]},
            {"kpi": "error_rate", "targets": [{"at_most": 0.001}]},
            {"kpi": "latency_p95", "targets": [{"to_day": 20, "at_most": 0.5}, {"from_day": 21, "at_most": 0.3}]},
            {"kpi": "activation", "targets": [{"at_least": 0.8}]},
            {"kpi": "retention", "of": {"day": 1}, "targets": [{"at_least": 0.5}]},
            {"kpi": "retention", "of": {"day": 7}, "targets": [{"at_least": 0.5}]},
            {
                "kpi": "incidents",
                "of": {"severity": "P1"},
                "targets": [{"from_day": 0, "to_day": 29, "at_most": 2}, {"from_day": 30, "at_most": 9}],
            },
            {"kpi": "first_reply_attainment", "targets": [{"at_least": 0.9}]},
        ],
    }
)
SHOP = Launch.model_validate(
    {
        "launch": "shop",
        "name": "Shop",
        "owner": {"name": "Ola Nordmann", "email": "ola@shop.example"},
        "date": LAUNCH_DATE,
        "timezone": "Europe/Oslo",
        "mixpanel": {"project_id": 1},
    }
)
Value = tuple[str, dt.date, float | None, float | None, float | None]  # kpi or kpi/subject, date, value, numerator, denominator


def days(first: dt.date = FIRST, last: dt.date = LAST) -> Iterator[dt.date]:
    while first <= last:
        yield first
        first += dt.timedelta(days=1)


def fill(session: psycopg.Connection) -> None:
    """Create the marts and fill them, published up to LAST."""
    session.execute(DDL.encode())
    rng = random.Random(7)
    for launch in (EMR, SHOP):
        values = list(_product(session, launch, rng))
        if launch is EMR:
            values += [
                *_support(session, launch, rng),
                *_incidents(session, launch),
                *_reliability(session, launch, rng),
                *_capacity(session, launch, rng),
            ]
        _insert(session, "kpis", [_kpi(launch, order, kpi) for order, kpi in enumerate(KPIS.values())])
        rows = [(launch.launch, *_of(kpi), day, launch.launch_day(day), *rest) for kpi, day, *rest in values]
        _insert(session, "kpi_daily", rows)
        _insert(session, "scorecard", list(_scorecard(launch, values)))
        _insert(session, "verdict_gates", list(_gates(launch, values)))
        publish(session, launch)
    session.execute(
        "grant select on all tables in schema marts to postlaunch_reporter; grant usage on schema marts, ops to postlaunch_reporter"
    )
    session.commit()


def _kpi(launch: Launch, order: int, kpi: Kpi) -> tuple[Any, ...]:
    subject = kpi.subject
    return (
        *(launch.launch, kpi.id, kpi.domain, order, kpi.name, kpi.unit, kpi.better, kpi.period_rule, kpi.denominator_unit),
        *(kpi.buckets, kpi.quantile, subject and subject.name, ",".join(kpi.shown), ",".join(subject.stability if subject else ())),
        *(kpi.needs_sample, kpi.is_stability, kpi.is_volume, kpi.is_countdown, kpi.evidence, ",".join(kpi.charted)),
    )


def _of(kpi: str) -> tuple[str, str, str, str]:
    """Domain, KPI, subject and segment of `incidents/P1`."""
    kpi_id, _, subject = kpi.partition("/")
    return KPIS[kpi_id].domain, kpi_id, subject, ""


def publish(session: psycopg.Connection, launch: Launch) -> None:
    """Say that every domain is published up to LAST."""
    build = session.execute("insert into ops.builds (status, is_full_refresh) values ('succeeded', false) returning build_id").fetchone()
    number = session.execute("insert into ops.publications (build_id) values (%s) returning publication_id", build).fetchone()
    for domain in launch.domains:
        session.execute(
            "insert into ops.domain_status (launch_id, domain, publication_id, covered_through) values (%s, %s, %s, %s)",
            [launch.launch, domain, number[0] if number else None, LAST],
        )


def _insert(session: psycopg.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        marks = ", ".join(["%s"] * len(rows[0]))
        session.cursor().executemany(f"insert into marts.{table} values ({marks})", rows)


def _product(session: psycopg.Connection, launch: Launch, rng: random.Random) -> Iterator[Value]:
    name, users, new_users = launch.launch, {}, {}
    for day in days():
        age = launch.launch_day(day)
        growth = 25 if age < 0 else 60 + 380 / (1 + math.exp(-(age - 30) / 12))
        rhythm = 0.45 if day.weekday() >= 5 else 1.0
        dip = 0.75 if day == INCIDENT_DAY and launch is EMR else 1.0
        users[day] = round(growth * rhythm * dip * rng.uniform(0.94, 1.06))
        new_users[day] = round(users[day] * (0.25 if age < 20 else 0.06))
    rows = []
    for day in days():
        week = max(count for date, count in users.items() if 0 <= (day - date).days < 7) * 1.5
        month = max(count for date, count in users.items() if 0 <= (day - date).days < 30) * 2.1
        rows.append((name, day, launch.launch_day(day), users[day], round(week), round(month), new_users[day]))
        yield from (
            ("daily_active_users", day, float(users[day]), None, None),
            ("weekly_active_users", day, float(round(week)), None, None),
            ("monthly_active_users", day, float(round(month)), None, None),
            ("new_users", day, float(new_users[day]), None, None),
        )
    _insert(session, "active_users_daily", rows)
    _cohorts(session, launch, rng, new_users)
    if launch is EMR:
        yield from _funnel(session, launch, new_users)
    for kpi, share, lag in (("retention/1", 0.62, 1), ("retention/7", 0.47, 7), ("retention/30", 0.33, 30)):
        for day in days():
            size = new_users[day] if day + dt.timedelta(days=lag) <= LAST else 0
            kept = round(size * share)
            yield (kpi, day, kept / size if size else None, float(kept), float(size))


def _funnel(session: psycopg.Connection, launch: Launch, new_users: dict[dt.date, int]) -> Iterator[Value]:
    """Everybody enters once, so that the uniques of a week or a month are those of its days together."""
    periods: dict[tuple[str, dt.date, dt.date, int, str], list[int]] = {}
    phase: list[tuple[Any, ...]] = []
    to_date = [0, 0]
    for day in days():
        monday, first = day - dt.timedelta(days=day.weekday()), day.replace(day=1)
        month_end = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
        entered = new_users[day]
        pending = round(entered * 0.12) if (LAST - day).days < 7 else 0
        counts = [
            (1, "Signed Up", entered, 0),
            (2, "Logged In", round(entered * 0.9), 0),
            (3, "Task Created", round((entered - pending) * 0.76), pending),
        ]
        for number, step, reached, waiting in counts:
            for kind, start, end in (("day", day, day), ("week", monday, monday + dt.timedelta(days=6)), ("month", first, month_end)):
                sums = periods.setdefault((kind, start, end, number, step), [0, 0, 0])
                sums[:] = [total + more for total, more in zip(sums, (entered, reached, waiting), strict=True)]
        decided = entered - pending
        if 0 <= launch.launch_day(day) < 90:
            to_date = [to_date[0] + counts[2][2], to_date[1] + decided]
            span = (launch.launch, "product", "activation", "", "", "phase", launch.date, day, launch.launch_day(day))
            phase.append((*span, to_date[0] / to_date[1], *to_date, *[None] * 3, False, None, "no_target", 0, 0, True))
        yield ("activation", day, counts[2][2] / decided if decided else None, float(counts[2][2]), float(decided))
    _insert(session, "scorecard", phase)
    _insert(
        session,
        "funnel_periods",
        [(launch.launch, "activation", "First task created", "uniques", *period, *sums, None, None) for period, sums in periods.items()],
    )


def _cohorts(session: psycopg.Connection, launch: Launch, rng: random.Random, new_users: dict[dt.date, int]) -> None:
    rows = []
    monday = FIRST - dt.timedelta(days=FIRST.weekday())
    while monday <= LAST:
        size = sum(count for day, count in new_users.items() if 0 <= (day - monday).days < 7)
        for number in range((LAST - monday).days // 7 + 1):
            share = 1.0 if number == 0 else 0.2 + 0.36 * math.exp(-number / 3) * rng.uniform(0.85, 1.15)
            complete = monday + dt.timedelta(days=7 * number + 6) <= LAST
            rows.append((launch.launch, "week", monday, number, size, round(size * share), complete, share))
        monday += dt.timedelta(days=7)
    _insert(session, "retention_cohorts", rows)


def _support(session: psycopg.Connection, launch: Launch, rng: random.Random) -> Iterator[Value]:
    name, backlog, tickets, clocks, categories = launch.launch, 4, [], [], []
    shares = {"urgent": 0.78, "high": 0.86, "normal": 0.94, "low": 0.97}
    for day in days():
        age = launch.launch_day(day)
        opened_all = solved_all = 0
        decided = {"first_reply": [0, 0], "resolution": [0, 0]}
        for priority, weight in (("urgent", 0.6), ("high", 1.5), ("normal", 3.2), ("low", 1.6)):
            busy = 4.0 if day == INCIDENT_DAY else 1.0
            opened = round(rng.uniform(0.5, 1.5) * weight * busy * (0.4 if day.weekday() >= 5 else 1.0))
            solved = min(opened + backlog // 6, round(opened * (0.93 if age > 40 else 1.0)))
            opened_all, solved_all = opened_all + opened, solved_all + solved
            backlog = max(0, backlog + opened - solved)
            tickets.append((name, day, age, priority, opened, solved, backlog if priority == "low" else 0))
            for metric, loss in (("first_reply", 0.0), ("resolution", 0.08)):
                running = opened if (LAST - day).days < 2 else 0
                attained = round((opened - running) * (shares[priority] - loss))
                clocks.append((name, day, age, metric, priority, opened, attained, opened - running - attained, running))
                decided[metric][0] += attained
                decided[metric][1] += opened - running
        yield from (
            ("tickets_opened", day, float(opened_all), None, None),
            ("tickets_solved", day, float(solved_all), None, None),
            ("ticket_backlog", day, float(backlog), None, None),
        )
        for metric, (attained, total) in decided.items():
            yield (f"{metric}_attainment", day, attained / total if total else None, float(attained), float(total))
        about = {"login": opened_all // 2, "bug": opened_all // 3, "none": opened_all - opened_all // 2}  # every bug keeps somebody out
        named = {"login": "Login", "bug": "Bugs", "none": "Without a category"}
        categories += [(name, day, category, named[category], opened, opened_all) for category, opened in about.items()]
    _insert(session, "ticket_daily", tickets)
    _insert(session, "ticket_categories_daily", categories)
    _insert(session, "ticket_sla_daily", clocks)
    noon = dt.datetime(2026, 4, 11, 16, tzinfo=dt.UTC)
    # as they stood at the end of each day: 4711 was in time on the 11th, three working days of ten hours late on the 12th
    standing = [
        (11, "4711", "first_reply", "urgent", False, 1_200.0),
        (12, "4711", "first_reply", "urgent", True, -108_000.0),
        (12, "4719", "resolution", "high", True, -900.0),
        (12, "4722", "resolution", "low", False, 5400.0),
    ]
    rows = [
        (
            name,
            dt.date(2026, 4, day),
            launch.launch_day(dt.date(2026, 4, day)),
            ticket,
            metric,
            priority,
            noon,
            False,
            breached,
            left,
            36_000.0,
        )
        for day, ticket, metric, priority, breached, left in standing
    ]
    _insert(session, "ticket_clock_daily", rows)


def _incidents(session: psycopg.Connection, launch: Launch) -> Iterator[Value]:
    facts = [  # date, hour, severity, minutes to acknowledge and to resolve, title
        (dt.date(2026, 1, 15), 9, "P1", 6, 52, "Log-in fails for one clinic"),
        (dt.date(2026, 2, 9), 11, "P2", 18, 95, "Slow task list"),
        (dt.date(2026, 3, 3), 16, "P3", 45, 400, "Export job late"),
        (INCIDENT_DAY, 18, "P1", 4, 80, "API errors after deploy"),
        (dt.date(2026, 3, 19), 7, "P2", None, 35, "Memory high on redis-1"),
        (dt.date(2026, 3, 24), 15, "P2", 12, 61, "Webhook queue grows"),
        (dt.date(2026, 3, 30), 20, "P3", 70, 900, "Certificate expires soon"),
        (LAST, 13, "P2", 9, None, "Handover page slow"),
    ]
    rows = []
    for number, (day, hour, severity, acknowledged, resolved, title) in enumerate(facts, start=101):
        at = dt.datetime.combine(day, dt.time(hour), tzinfo=dt.UTC)
        seconds = [None if minutes is None else minutes * 60.0 for minutes in (acknowledged, resolved)]
        rows.append(
            (
                launch.launch,
                f"Q{number}",
                number,
                title,
                severity,
                "EMR API",
                day,
                launch.launch_day(day),
                at,
                *seconds,
                resolved is None,
                acknowledged is not None,
            )
        )
    _insert(session, "incidents", rows)
    # March in whole: the P1 was acknowledged after 4 minutes and resolved after 80; of two P2 one was never acknowledged
    march = (launch.launch, "month", dt.date(2026, 3, 1))
    responses = [
        (*march, "P1", 1, 1, 240.0, 300.0, 1, 0, "met", 1, 4800.0, 3600.0, 0, 1, "missed"),
        (*march, "P2", 2, 1, 720.0, 900.0, 1, 1, "missed", 2, 2880.0, 7200.0, 2, 0, "met"),
        (*march, "P3", 2, 2, 3450.0, None, 0, 0, "no_target", 2, 39_000.0, None, 0, 0, "no_target"),
        (launch.launch, "month", dt.date(2026, 4, 1), "P2", 1, 1, 540.0, 900.0, 1, 0, "met", 0, None, 7200.0, 0, 0, "no_data"),
    ]
    _insert(session, "incident_responses", responses)
    for day in days():
        today = [fact for fact in facts if fact[0] == day]
        for severity in ("P0", "P1", "P2"):
            yield (f"incidents/{severity}", day, float(sum(fact[2] == severity for fact in today)), None, None)
        for kpi, position in (("mean_time_to_acknowledge", 3), ("mean_time_to_resolve", 4)):
            known = [fact[position] * 60.0 for fact in today if fact[position] is not None]
            yield (kpi, day, sum(known) / len(known) if known else None, sum(known), float(len(known)))


def _reliability(session: psycopg.Connection, launch: Launch, rng: random.Random) -> Iterator[Value]:
    from postlaunch.reviews.histogram import quantile
    from postlaunch.reviews.rows import LatencyBucket

    name, levels, buckets = launch.launch, [], []
    for day in days():
        age, bad = launch.launch_day(day), day == INCIDENT_DAY
        observed = 86400.0 - (3600 if age == 12 else 0)
        up = observed - (1500 if bad else 0)
        requests = float(round(40_000 * (0.45 if day.weekday() >= 5 else 1) * rng.uniform(0.9, 1.1)))
        errors = float(round(requests * (0.009 if bad else rng.uniform(0.0003, 0.0007))))
        levels.append((name, "api", "EMR API", day, age, observed, up, 86400 - observed, requests, errors, requests))
        slow = 2.2 if bad else 1.0
        weights = [30, 35, 20, 9 * slow, 3.0 * slow, 1.2 * slow, 0.4 * slow, 0.05 * slow]
        merged = [(bound, requests * weight / sum(weights)) for bound, weight in zip(BOUNDS, weights, strict=True)]
        buckets += [(name, "api", day, age, bound, count) for bound, count in merged]
        p95 = quantile([LatencyBucket("api", *pair) for pair in merged], 0.95)
        yield ("uptime", day, up / observed, up, observed)
        yield ("error_rate", day, errors / requests, errors, requests)
        yield ("request_count", day, requests, None, None)
        yield ("latency_p95", day, p95, None, None)
    _insert(session, "service_level_daily", levels)
    _insert(session, "latency_buckets_daily", buckets)
    measured = [(launch_id, "request_duration", "", "", day, bound, count) for launch_id, _, day, _, bound, count in buckets]
    _insert(session, "measure_buckets_daily", measured)


def _capacity(session: psycopg.Connection, launch: Launch, rng: random.Random) -> Iterator[Value]:
    resources = [
        ("memory", "Redis memory", "ratio", 0.80, 0.36, 0.0040),
        ("cpu", "API processors", "ratio", 0.70, 0.38, 0.0),
        ("database_connections", "Database connections", "count", 700.0, 240.0, 2.6),
        ("disk", "Database disk", "ratio", 0.75, 0.41, 0.0006),
    ]
    daily, forecasts, soonest = [], [], {}
    for resource_id, label, unit, trigger, base, slope in resources:
        for day in days():
            age = launch.launch_day(day)
            level = base + slope * max(0, age)
            daily.append((launch.launch, resource_id, label, unit, day, age, level * rng.uniform(0.97, 1.03), trigger))
            low, high = (slope * 0.75, slope * 1.35) if slope else (-0.001, 0.001)
            until = [(trigger - level) / rate if rate > 0 else None for rate in (slope, high, low)]
            facts = (level, slope, low, high, trigger, *until, low > 0, *((28, 26) if resource_id == "memory" else (0, 0)))
            forecasts.append((launch.launch, resource_id, label, unit, day, age, min(28, age + 10), *facts))
            if low > 0 and until[0] is not None:
                soonest[day] = min(until[0], soonest.get(day, 365.0))
    _insert(session, "capacity_daily", daily)
    _insert(session, "capacity_forecast", forecasts)
    for day in days():
        yield ("days_to_trigger", day, soonest.get(day), None, None)


def _scorecard(launch: Launch, values: Sequence[Value]) -> Iterator[tuple[Any, ...]]:
    """Days, ISO weeks and months of every KPI, by its period rule, judged by the target of the period's last day."""
    starts: dict[str, Callable[[dt.date], dt.date]] = {
        "day": lambda day: day,
        "week": lambda day: day - dt.timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
    }
    for kpi in dict.fromkeys(value[0] for value in values):
        rows = [value for value in values if value[0] == kpi]
        for grain, start_of in starts.items():
            previous = None
            for start in sorted({start_of(row[1]) for row in rows}):
                chosen = [row for row in rows if start_of(row[1]) == start]
                end = {
                    "day": start,
                    "week": start + dt.timedelta(days=6),
                    "month": (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1),
                }[grain]
                known = KPIS[_of(kpi)[1]]
                value, numerator, denominator = _period(known.period_rule, chosen)
                target, comparator = _target(launch, kpi, launch.launch_day(end))
                status = _status(
                    value, denominator if KPIS[_of(kpi)[1]].unit == "ratio" else None, target, comparator, launch.reviews.minimum_sample
                )
                is_quota = target is not None and known.period_rule == "sum"
                phase = _phase_value(launch, kpi, rows, launch.launch_day(end)) if is_quota else None
                seen, expected = len(chosen), (end - max(start, FIRST)).days + 1
                if is_quota and status in ("met", "missed"):
                    status = "missed" if comparator == "<=" and value and phase and phase > (target or 0) else "undecided"
                elif seen < expected and status in ("met", "missed", "insufficient_data") and target is not None:
                    status = "undecided"
                facts = (
                    start,
                    end,
                    launch.launch_day(end),
                    value,
                    numerator,
                    denominator,
                    previous,
                    target,
                    comparator,
                    is_quota,
                    phase,
                    status,
                    seen,
                    expected,
                    seen >= expected,
                )
                yield (launch.launch, *_of(kpi), grain, *facts)
                previous = value


def _gates(launch: Launch, values: Sequence[Value]) -> Iterator[tuple[Any, ...]]:
    """Each target that holds on the last day of a verdict, over its days up to then, by the KPI's period rule."""
    minimum = launch.reviews.minimum_sample
    for kpi in dict.fromkeys(value[0] for value in values):
        known = KPIS[_of(kpi)[1]]
        for target in _targets(launch, kpi):
            for verdict in (7, 30, 60, 90):
                last, first = verdict - 1, target.from_day or 0
                if not first <= last <= (last if target.to_day is None else target.to_day):
                    continue
                rows = [row for row in values if row[0] == kpi and first <= launch.launch_day(row[1]) <= last]
                value, numerator, denominator = _period(known.period_rule, rows)
                status = _status(value, denominator if known.needs_sample else None, target.bound, target.comparator, minimum)
                start, *ends = (launch.date + dt.timedelta(days=day) for day in (first, last, target.to_day or 0))
                key = (verdict, ends[0], "phase", start, ends[1] if target.to_day is not None else dt.date(9999, 12, 31))
                judged = (value, numerator, denominator, target.bound, target.comparator, None, status, None, None)
                yield (launch.launch, *_of(kpi), *key, *judged, last - first + 1 - len(rows))


def _phase_value(launch: Launch, kpi: str, rows: Sequence[Value], day: int) -> float:
    """Of a count: its sum from the first day of the phase that `day` lies in."""
    phases = [
        (target.from_day or 0, target.to_day)
        for chosen in launch.kpis
        if (chosen.kpi, chosen.subject) == _of(kpi)[1:3]
        for target in chosen.targets
    ]
    first = next((begins for begins, ends in phases if begins <= day and (ends is None or day <= ends)), 0)
    return sum(row[2] or 0 for row in rows if first <= launch.launch_day(row[1]) <= day)


def _period(rule: str, rows: Sequence[Value]) -> tuple[float | None, float | None, float | None]:
    known = [row[2] for row in rows if row[2] is not None]
    if rule in ("ratio", "uniques"):
        numerator, denominator = sum(row[3] or 0 for row in rows), sum(row[4] or 0 for row in rows)
        return (numerator / denominator if denominator else None), numerator, denominator
    if not known:
        return None, None, None
    if rule in ("mean", "quantile"):
        return sum(known) / len(known), None, None
    return (sum(known) if rule == "sum" else known[-1]), None, None


def _targets(launch: Launch, kpi: str) -> list[Target]:
    return [target for chosen in launch.kpis if (chosen.kpi, chosen.subject) == _of(kpi)[1:3] for target in chosen.targets]


def _target(launch: Launch, kpi: str, day: int) -> tuple[float | None, str | None]:
    for target in _targets(launch, kpi):
        if (target.from_day or 0) <= day and (target.to_day is None or day <= target.to_day) and day >= 0:
            return (target.at_least, ">=") if target.at_least is not None else (target.at_most, "<=")
    return None, None


def _status(value: float | None, denominator: float | None, target: float | None, comparator: str | None, minimum: int) -> str:
    if value is None:
        return "no_data"
    if target is None:
        return "no_target"
    if denominator is not None and denominator < minimum:
        return "insufficient_data"
    return "met" if (value >= target if comparator == ">=" else value <= target) else "missed"
