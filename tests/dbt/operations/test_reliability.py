"""Service levels against Prometheus' own rules, followed sample by sample."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import defaultdict

import psycopg
import pytest

from tests.dbt.operations.metric_cases import (
    BOUNDS,
    CLASSES,
    DATES,
    FIRST,
    LAUNCH_DATE,
    PLACE,
    SILENT_DATE,
    STEP,
    histogram_quantile,
    increases,
    local_date,
    service_samples,
)

SAMPLES = service_samples()
REQUESTS = increases(SAMPLES, "api.requests")
BUCKETS = increases(SAMPLES, "api.latency_buckets")


def of_day(built: psycopg.Connection, columns: str) -> dict[dt.date, tuple]:
    rows = built.execute(f"select metric_date, {columns} from build.service_level_daily where service_id = 'api'").fetchall()
    return {row[0]: row[1:] for row in rows}


def cumulative(dates: list[dt.date]) -> list[tuple[float, float]]:
    """Merged cumulative buckets of some dates; what a lost sample made smaller than the bucket below is made equal to it."""
    total, merged = 0.0, []
    for bound in BOUNDS:
        by_day = [monotonic(date)[bound] for date in dates]
        merged.append((math.inf if bound == "+Inf" else float(bound), total + sum(by_day)))
    return merged


def monotonic(date: dt.date) -> dict[str, float]:
    highest, counts = 0.0, {}
    for bound in BOUNDS:
        highest = max(highest, BUCKETS.get((date, bound), 0.0))
        counts[bound] = highest
    return counts


def test_requests_and_errors_are_increases_over_resets_gaps_and_midnights(built: psycopg.Connection) -> None:
    found = of_day(built, "request_count, error_count, launch_day")
    assert sorted(found) == DATES
    for date, (requests, errors, launch_day) in found.items():
        of_date = {code: count for (day, code), count in REQUESTS.items() if day == date}
        expected = (sum(of_date.values()), sum(count for code, count in of_date.items() if re.fullmatch("5..|429", code)))
        assert (requests, errors) == (expected if of_date else (None, None))
        assert launch_day == (date - LAUNCH_DATE).days
    assert found[SILENT_DATE][0] is None


def test_uptime_weighs_steps_in_which_any_instance_was_up(built: psycopg.Connection) -> None:
    steps: dict[dt.date, dict[dt.datetime, float]] = defaultdict(dict)
    for sample in SAMPLES:
        if sample.metric_id == "api.up":
            of_date = steps[local_date(sample)]
            of_date[sample.sampled_at] = max(sample.value, of_date.get(sample.sampled_at, 0.0))
    for date, (observed, up, no_data, ratio) in of_day(built, "observed_seconds, up_seconds, no_data_seconds, uptime_ratio").items():
        length = PLACE.midnight(date + dt.timedelta(days=1)).timestamp() - PLACE.midnight(date).timestamp()
        assert observed == STEP * len(steps[date])
        assert up == STEP * sum(value >= 1 for value in steps[date].values())
        assert no_data == length - observed
        assert ratio == (up / observed if observed else None)
    assert of_day(built, "observed_seconds, no_data_seconds, uptime_ratio")[SILENT_DATE] == (0, 86400, None)


def test_percentiles_are_what_histogram_quantile_gives(built: psycopg.Connection) -> None:
    for date, percentiles in of_day(built, "latency_p50_seconds, latency_p95_seconds, latency_p99_seconds").items():
        expected = [histogram_quantile(quantile, cumulative([date])) for quantile in (0.5, 0.95, 0.99)]
        assert percentiles == tuple(value if value is None else pytest.approx(value, rel=1e-12) for value in expected)


def test_buckets_hold_their_own_requests_and_add_up_to_the_last_cumulative_one(built: psycopg.Connection) -> None:
    rows = built.execute("select metric_date, upper_bound_seconds, request_count from build.latency_buckets_daily").fetchall()
    found = {(date, bound): count for date, bound, count in rows}
    for date in DATES:
        counts, below = monotonic(date), 0.0
        for bound in BOUNDS:
            key = (date, math.inf if bound == "+Inf" else float(bound))
            assert found.get(key, 0) == counts[bound] - below
            below = counts[bound]


def test_classes_of_response_times_are_counted_where_buckets_end_where_they_do(built: psycopg.Connection) -> None:
    rows = built.execute(
        "select class_id, metric_date, class_request_count, request_count, notice from build.response_class_daily"
    ).fetchall()
    found = {(name, date): (count, total, notice) for name, date, count, total, notice in rows}
    assert sorted(found) == sorted((name, date) for name in CLASSES for date in DATES)
    for date in DATES:
        counts = monotonic(date)
        total = counts["+Inf"]
        if not total:
            assert {found[name, date] for name in CLASSES} == {(None, None, "no latency bucket was seen")}
            continue
        assert found["quick", date] == (counts["0.25"], total, None)
        assert found["slow", date] == (total - counts["0.5"], total, None)
        assert found["medium", date] == (None, total, "no bucket ends where the next class begins")
        assert found["odd", date] == (None, total, "no bucket ends where the class begins")


@pytest.mark.parametrize(("kind", "start", "length"), [("week", dt.date(2026, 3, 2), 7), ("month", dt.date(2026, 2, 1), 28)])
def test_the_p95_of_a_period_comes_from_its_merged_buckets(built: psycopg.Connection, kind: str, start: dt.date, length: int) -> None:
    found = built.execute(
        """
        select value, counted from build.int_kpi_quantiles
        where subject_id = '' and kpi_id = 'latency_p95' and period_kind = %s and period_start = %s
        """,
        [kind, start],
    ).fetchone()
    merged = cumulative([start + dt.timedelta(days=number) for number in range(length)])
    assert found == (pytest.approx(histogram_quantile(0.95, merged), rel=1e-12), merged[-1][1])


def test_every_covered_date_has_every_kpi_and_the_silent_one_has_no_value(built: psycopg.Connection) -> None:
    rows = built.execute(
        "select kpi_id, metric_date, value from build.kpi_daily "
        "where domain = 'reliability' and subject_id = '' and launch_id <> 'declared'"
    ).fetchall()
    assert {(kpi, date) for kpi, date, _ in rows} == {
        (kpi, date) for kpi in ("uptime", "error_rate", "latency_p95", "request_count") for date in DATES
    }
    assert {date for _, date, value in rows if value is None} == {SILENT_DATE}


def test_a_selector_or_label_that_matches_nothing_is_no_data_and_said(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select service_id, error_ratio, uptime_ratio, latency_p95_seconds, notice, request_count > 0
        from build.service_level_daily where service_id <> 'api' and metric_date = '2026-03-01'
        """
    ).fetchall()
    nothing = "no sample says whether it is up"
    assert sorted(rows) == [
        ("shop", pytest.approx(0.01, rel=0.01), None, None, nothing, True),
        (
            *("web", None, None, None),
            f"{nothing}; no series of its requests has the label code, errors are not known; no latency bucket was seen",
            True,
        ),
    ]
    judged = built.execute(
        """
        select sum(numerator), sum(denominator) from build.kpi_daily
        where kpi_id = 'error_rate' and subject_id = '' and metric_date = '2026-03-01'
        """
    ).fetchone()
    counted = built.execute(
        """
        select sum(error_count), sum(request_count) from build.service_level_daily
        where service_id <> 'web' and metric_date = '2026-03-01'
        """
    ).fetchone()
    assert judged == counted


def test_no_target_is_met_by_a_date_without_a_sample(built: psycopg.Connection) -> None:
    rows = built.execute(
        "select kpi_id, value, status from build.scorecard where domain = 'reliability' and period_kind = 'day' "
        "and period_start = %s and launch_id <> 'declared'",
        [SILENT_DATE],
    ).fetchall()
    assert {kpi for kpi, _, _ in rows} == {"uptime", "error_rate", "latency_p95", "request_count"}
    assert {row[1:] for row in rows} == {(None, "no_data")}, "of the whole and of each service"


def test_the_error_budget_is_what_a_month_may_spend_less_what_it_did(built: psycopg.Connection) -> None:
    rows = built.execute(
        "select metric_date, month_spent, month_budget, month_left_ratio, burn_1d_ratio, burn_7d_ratio from build.error_budget_daily "
        "where kpi_id = 'error_rate' and subject_id = 'api'"
    ).fetchall()
    counted = {date: (errors, requests) for date, (requests, errors) in of_day(built, "request_count, error_count").items() if requests}
    assert sorted(date for date, *_ in rows) == DATES
    for date, *found in rows:

        def summed(days: list[dt.date]) -> tuple[float, float]:
            seen = [counted[day] for day in days if day in counted]
            return sum(errors for errors, _ in seen), 0.5 * sum(requests for _, requests in seen)

        month = [day for day in DATES if day <= date and (day.year, day.month) == (date.year, date.month)]
        spent, allowed = summed(month)
        budget = allowed / len([day for day in month if day in counted]) * (28 if date.month == 2 else 31)
        week, day = summed([day for day in DATES if 0 <= (date - day).days < 7]), summed([date])
        burns = [None if not allowed else spent / allowed for spent, allowed in (day, week)]
        expected = [spent, budget, 1 - spent / budget, *burns]
        assert found == [value if value is None else pytest.approx(value, rel=1e-9) for value in expected], date


def test_a_leak_grows_and_does_not_level_off(built: psycopg.Connection) -> None:
    rows = built.execute("select alert_id, metric_date, is_leaking, leaking_since_date from build.leak_daily order by 1, 2").fetchall()
    days = {alert: [row[1:] for row in rows if row[0] == alert] for alert in ("leak", "hoard", "flat", "noise", "stairs")}
    assert all([date for date, *_ in found] == DATES for found in days.values())
    assert days["hoard"] == days["leak"], "of a query as of a resource"
    growing = dict(built.execute("select metric_date, is_growing from build.capacity_forecast where resource_id = 'leak'").fetchall())
    assert {date: leaks for date, leaks, _ in days["leak"] if leaks is not None} == {
        date: grows for date, grows in growing.items() if (date - FIRST).days >= 6
    }
    assert all(leaks for _, leaks, _ in days["leak"][-21:])
    for alert in ("flat", "noise"):
        assert {leaks for _, leaks, _ in days[alert]} <= {False, None}
    for found in days.values():
        since = None
        for date, leaks, told in found:
            since = since if leaks is None else (since or date) if leaks else None
            assert told == (since if leaks else None)
    assert {leaks for date, leaks, _ in days["leak"] if date == SILENT_DATE or date < DATES[6]} == {None}
