"""Night after night, with a date that is replaced, one that is emptied and one that comes late, gives what one full refresh gives."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from postlaunch.marts.build import build
from tests.dbt.event_rows import hashes_of_build, write_launch
from tests.dbt.operations.metric_cases import (
    ALERTS,
    DATES,
    LAUNCH_DATE,
    PLACE,
    PROMETHEUS,
    STEP,
    STEP_ALERTS,
    local_date,
    resource_samples,
    service_samples,
)
from tests.dbt.operations.raw_rows import Place, Sample, put_samples
from tests.dbt_forks import only

pytestmark = pytest.mark.slow

LATE, REPLACED, EMPTIED = DATES[5], DATES[10], DATES[33]


def load_night(session: psycopg.Connection, dates: list[dt.date], seed: int, *, is_empty: bool = False) -> None:
    samples = [] if is_empty else service_samples(seed) + resource_samples(seed)
    put_samples(session, PLACE, dates, (sample for sample in samples if local_date(sample) in dates))
    session.commit()


def rows_of_slopes(session: psycopg.Connection) -> dict[tuple[str, dt.date], int]:
    """(resource, date) -> the transaction that wrote the row."""
    rows = session.execute("select resource_id, metric_date, xmin::text::bigint from build.int_capacity_slopes").fetchall()
    session.commit()
    return {(resource, date): written for resource, date, written in rows}


def test_nights_give_what_a_full_refresh_gives_and_write_only_what_they_reach(warehouse: str, launch_files: Path) -> None:
    alerts = [*ALERTS, *STEP_ALERTS]
    write_launch(launch_files, PLACE.launch_id, date=LAUNCH_DATE, timezone=PLACE.zone.key, prometheus=PROMETHEUS, alerts=alerts)
    with psycopg.connect(warehouse) as session:
        load_night(session, [date for date in DATES[:40] if date != LATE], seed=1)
        build()
        before = rows_of_slopes(session)
        load_night(session, DATES[40:41], seed=1)
        load_night(session, [REPLACED], seed=2)
        build()
        after = rows_of_slopes(session)
        reached = {REPLACED + dt.timedelta(days=number) for number in range(42)} | {DATES[40]}
        assert {key for key, written in after.items() if written != before.get(key)} == {key for key in after if key[1] in reached}
        load_night(session, [LATE], seed=1)
        load_night(session, [EMPTIED], seed=1, is_empty=True)
        load_night(session, DATES[41:], seed=1)
        build()
        nights = hashes_of_build(session)
        session.commit()
        build(full_refresh=True)
        assert hashes_of_build(session) == nights
        assert nights["int_counter_increases_daily"][0] > 700
        assert min(nights[table][0] for table in ("int_alert_stretches", "alert_episodes", "leak_daily")) > 50
        fired = session.execute("select distinct alert_id from build.alert_episodes where is_certain").fetchall()
        assert len(fired) == len(STEP_ALERTS)


def requests_of(session: psycopg.Connection) -> dict[dt.date, tuple[float, float]]:
    """Date -> requests and, of them, those that came in over dates without a sample."""
    rows = session.execute(
        "select metric_date, sum(increase), sum(gap_increase) from build.int_counter_increases_daily group by metric_date"
    ).fetchall()
    session.commit()
    return {date: (total, gap) for date, total, gap in rows}


def test_a_night_finds_the_sample_before_a_gap_however_long_ago_it_was(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "reliability", "capacity")
    service = {"id": "api", "name": "API", "up": "up", "requests": "requests_total"}
    write_launch(launch_files, "watched", date=LAUNCH_DATE, timezone="UTC", prometheus={"step_seconds": STEP, "service_levels": [service]})
    place = Place("watched", ZoneInfo("UTC"))
    first, after = dt.date(2026, 2, 1), dt.date(2026, 3, 3)  # 29 dates without a sample

    def noon(date: dt.date, **values: float) -> list[Sample]:
        moment = dt.datetime.combine(date, dt.time(12), dt.UTC)
        return [Sample("api.requests", (("code", code[1:]), ("instance", "i")), moment, value) for code, value in values.items()]

    with psycopg.connect(warehouse) as session:
        put_samples(session, place, [first], noon(first, c200=100))
        session.commit()
        build()
        put_samples(session, place, [after], noon(after, c200=12_400_000, c500=40))
        session.commit()
        build()
        assert requests_of(session) == {after: (12_400_000 - 100 + 40, 12_400_000 - 100 + 40)}
        # a date in between comes late: it takes its part, and what was born during the gap was born after it
        late = first + dt.timedelta(days=1)
        put_samples(session, place, [late], noon(late, c200=700))
        session.commit()
        build()
        assert requests_of(session) == {late: (600, 0), after: (12_400_000 - 700 + 40, 12_400_000 - 700 + 40)}
