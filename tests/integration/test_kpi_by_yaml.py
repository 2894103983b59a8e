"""A KPI of the catalogue, one of a launch and a segment come into being by YAML alone: scorecard, review and reference speak of them."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from docs import generate
from postlaunch.config.load import load_launch
from postlaunch.kpis import catalogue as kpis
from postlaunch.marts.build import build
from postlaunch.marts.publish import publish
from postlaunch.quality.gate import audit
from postlaunch.reviews import daily, documents, formats
from postlaunch.reviews.content import Basis
from postlaunch.reviews.period import parse_period
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.status import domain_status
from tests.dbt.event_rows import Event, days, load_dates, write_launch

LAUNCHED = dt.date(2026, 3, 2)
LAST = dt.date(2026, 3, 9)
STICKINESS = """
- id: stickiness
  name: Stickiness
  definition: Active users of the date by those of the 30 days that end with it
  unit: ratio
  better: higher
  period_rule: ratio
  numerator: active_users
  denominator: active_users_30d
"""
PAYMENTS = {
    "kpi": "payment_success",
    "name": "Payment success",
    "unit": "ratio",
    "better": "higher",
    "measure": {"events": {"good": ["Paid"], "of": ["Paid", "Payment Failed"]}},
    "targets": [{"above": 0.9, "promise": {"document": "operations manual", "section": "4.2", "words": "more than 90 % of payments"}}],
}
WAVES = [{"id": "first", "name": "First wave", "from_day": 0, "to_day": 2}, {"id": "later", "name": "Later wave", "from_day": 3}]


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The catalogue with one entry more in a copy of its files."""
    folder = Path(shutil.copytree(kpis.FOLDER, tmp_path / "kpis"))
    with (folder / "product.yaml").open("a") as file:
        file.write(STICKINESS)
    monkeypatch.setattr(kpis, "FOLDER", folder)
    kpis.catalogue.cache_clear()
    yield
    kpis.catalogue.cache_clear()


def events() -> list[Event]:
    """Each day users pay, and one payment in twenty fails: eighty, of whom half come on even days only, and from day 3 on twenty more."""
    found = []
    for day in days(LAUNCHED, LAST):
        at = dt.datetime.combine(day, dt.time(12), dt.UTC)
        users = [*range(80 if day.day % 2 == 0 else 40), *range(80, 100 if (day - LAUNCHED).days >= 3 else 80)]
        found += [Event(f"user-{user}", "Payment Failed" if user % 20 == 7 else "Paid", at + dt.timedelta(seconds=user)) for user in users]
    return found


@pytest.mark.usefixtures("added", "warehouse")
def test_a_kpi_and_a_segment_are_added_by_yaml_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "launches"
    folder.mkdir()
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
    wholes = [{"kpi": "stickiness", "targets": [{"at_least": 0.3}]}, PAYMENTS]
    of_waves = [{"kpi": "stickiness", "of": {"wave": wave["id"]}, "targets": [{"at_least": 0.7}]} for wave in WAVES]
    kpis_of_the_launch = [*wholes, *of_waves]
    write_launch(folder, "shop", date=LAUNCHED, timezone="UTC", mixpanel={"project_id": 1}, segments=WAVES, kpis=kpis_of_the_launch)
    with connect(autocommit=True) as session:
        load_dates(session, "shop", "UTC", days(LAUNCHED, LAST), events())
    build()
    failed = [(finding.reason, finding.observed) for domain in audit().domains for finding in domain.failures]
    assert failed == []
    publish()

    with connect("reporter") as session:
        assert scores(session) == {
            ("stickiness", ""): (0.6, "met", None),
            ("stickiness", "first"): (0.5, "missed", None),
            ("stickiness", "later"): (1.0, "met", None),
            ("payment_success", ""): (0.95, "met", "operations manual 4.2: more than 90 % of payments"),
            ("payment_success", "first"): (0.95, "no_target", None),
            ("payment_success", "later"): (0.95, "insufficient_data", None),
        }
        launch = load_launch(folder, "shop")
        statuses = {status.domain: status for status in domain_status(session, launch, LAST)}
        review = documents.to_text(daily.document(Basis(launch, parse_period("daily", str(LAST), launch), session, statuses)))
    told = " ".join(review.replace(formats.NBSP, " ").split())
    assert "Stickiness 60 %" in told
    assert "Stickiness, First wave 50 %" in told
    assert "Stickiness, Later wave 100 %" in told
    assert "Payment success 95 %" in told
    assert "target > 90 %" in told
    assert "| `stickiness` | Stickiness |" in generate.kpis()


def scores(session: psycopg.Connection) -> dict[tuple[str, str], tuple[float, str, str | None]]:
    rows = session.execute(
        """
        select kpi_id, segment_id, value, status, promise from marts.scorecard
        where period_kind = 'day' and period_start = %s and kpi_id in ('stickiness', 'payment_success')
        """,
        [LAST],
    )
    return {(kpi, segment): (value, status, promise) for kpi, segment, value, status, promise in rows}
