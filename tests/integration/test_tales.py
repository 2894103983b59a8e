"""The launches of launches/, told by the sandbox and ingested through its APIs: promises have values, and these are what happened."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launches
from postlaunch.dates import Dates
from postlaunch.reviews import queries
from postlaunch.warehouse.db import connect
from sandbox import tales
from sandbox.story.plan import Plan
from sandbox.tales import files, payments_app
from sandbox.tales.tale import Told
from tests.conftest import CLOCK, LAUNCH_DATE, Warehouses, connect_apis
from tests.integration import tales_truth as truth

PLAN = Plan(LAUNCH_DATE)
LAST = LAUNCH_DATE + dt.timedelta(days=90)
TOLD = {told.tale.launch: told for told in tales.told(PLAN)}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Tales:
    """A published warehouse of the five launches."""

    launches: dict[str, Launch]
    summaries: tuple[str, str]


def first_date(told: Told) -> dt.date:
    return told.date_of(told.tale.first_day)


def last_date(told: Told) -> dt.date:
    """Of the story's own launch three weeks are enough here: its ninety days are held against the truth elsewhere."""
    return told.date_of(20) if told.tale.adds_to_story else LAST


@pytest.fixture(scope="module")
def published(
    warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory, module_patch: pytest.MonkeyPatch
) -> Iterator[Tales]:
    """All five from their first day on."""
    from postlaunch.ingest import ingest
    from postlaunch.marts.build import build
    from postlaunch.marts.publish import publish
    from postlaunch.quality import audit
    from sandbox.apis import Limits, create_app
    from sandbox.apis.server import running_server

    state, folder = tmp_path_factory.mktemp("sandbox"), tmp_path_factory.mktemp("launches")
    app = create_app(state_dir=state, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none(), with_tales=True)
    for told in TOLD.values():
        files.render(folder, told, until=told.day_of(CLOCK.timestamp()) - 1)
    module_patch.setenv("POSTLAUNCH_LANDING", str(tmp_path_factory.mktemp("landing")))
    module_patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
    with running_server(app) as url, warehouses.copied(template, module_patch):
        connect_apis((url, state), module_patch)
        launches = load_launches(folder)
        for name, told in TOLD.items():
            for source in launches[name].sources:
                ingest(source, launches[name], first_date(told), last_date(told))
        build()
        yield Tales(launches, (audit().summary, publish().summary))


def test_the_gate_lets_all_of_them_through(published: Tales) -> None:
    with connect("reporter") as session:
        held = session.execute("select launch_id, domain, held_reason from ops.domain_status where held_since is not null").fetchall()
    assert held == []


@pytest.mark.parametrize("name", TOLD)
def test_every_kpi_of_a_launch_file_has_a_value(published: Tales, name: str) -> None:
    launch = published.launches[name]
    with connect() as session:
        rows = session.execute(
            "select kpi_id, subject_id, count(value) from marts.scorecard where launch_id = %s group by kpi_id, subject_id", [name]
        ).fetchall()
    found = {(kpi, subject): count for kpi, subject, count in rows}
    missing = [(kpi.kpi, kpi.subject) for kpi in launch.kpis if not found.get((kpi.kpi, kpi.subject))]
    assert missing == []


@pytest.mark.parametrize("name", TOLD)
def test_every_week_of_every_kpi_is_what_happened(published: Tales, name: str) -> None:
    told = TOLD[name]
    with connect() as session:
        rows = session.execute(
            "select period_start, kpi_id, subject_id, value from marts.scorecard "
            "where launch_id = %s and period_kind = 'week' and segment_id = ''",
            [name],
        ).fetchall()
    found = {(monday, kpi, subject): value for monday, kpi, subject, value in rows}
    wrong, compared = {}, 0
    for monday in truth.mondays(first_date(told) + dt.timedelta(days=1), last_date(told)):
        for (kpi, subject), expected in truth.WEEKLY[name](truth.Week(told, monday)).items():
            said = found.get((monday, kpi, subject))
            compared += 1
            if (said is None) != (expected is None) or (expected is not None and said != pytest.approx(expected, rel=1e-9, abs=1e-9)):
                wrong[f"{monday} {kpi} {subject}"] = (said, expected)
    assert wrong == {}
    assert compared >= 3 * len(truth.WEEKLY[name](truth.Week(told, monday))), "three weeks at least"


def test_orders_of_a_quarter_and_companies_of_a_month(published: Tales) -> None:
    told = TOLD["logistics"]
    with connect() as session:
        rows = session.execute(
            "select kpi_id, period_kind, period_start, value from marts.scorecard where launch_id = 'logistics' "
            "and kpi_id in ('pro_status', 'b2b_retention') and period_kind in ('month', 'quarter') and segment_id = ''"
        ).fetchall()
    found = {(kpi, kind, start): value for kpi, kind, start, value in rows}
    winter, february, march = dt.date(2026, 1, 1), dt.date(2026, 2, 1), dt.date(2026, 3, 1)
    assert found["pro_status", "quarter", winter] == truth.pro_status(told, winter, dt.date(2026, 3, 31))
    before, after = (truth.companies_that_sent(told, month) for month in (february, march))
    assert 0 < len(before & after) < len(before)
    assert found["b2b_retention", "month", march] == len(before & after) / len(before)


def test_what_the_incident_swallowed_lies_in_its_interval(published: Tales) -> None:
    with connect() as session:
        row = session.execute(
            "select events_count, expected_events_count, lost_events_low_count, lost_events_high_count "
            "from marts.incident_impacts where launch_id = 'payments-app' and severity = 'P0'"
        ).fetchone()
    assert row is not None
    came, expected, low, high = row
    assert came == 0, "no payment succeeds while it lasts"
    assert low > 0, "that is no chance"
    swallowed = len(truth.swallowed_payments(TOLD["payments-app"]))
    assert low <= swallowed <= high
    assert expected == pytest.approx(swallowed, rel=0.5)


@pytest.mark.parametrize(
    ("name", "alert", "outcomes"),
    [
        ("payments-app", "stripe", ["caught", "missed"]),
        ("payments-app", "error_rate", ["caught"]),
        ("webshop", "queue", ["missed"]),
        ("webshop", "disk", ["missed"]),
    ],
)
def test_a_breach_that_paged_nobody_is_missed(published: Tales, name: str, alert: str, outcomes: list[str]) -> None:
    with connect() as session:
        rows = session.execute(
            "select outcome from marts.page_breaches where launch_id = %s and told_by = 'alert' and subject_id = %s order by occurred_at",
            [name, alert],
        ).fetchall()
    assert [outcome for (outcome,) in rows] == outcomes


def test_memory_that_does_not_level_off_is_a_leak(published: Tales) -> None:
    with connect() as session:
        rows = session.execute(
            "select metric_date from marts.leak_daily where launch_id = 'payments-app' and is_leaking order by 1"
        ).fetchall()
    begins = TOLD["payments-app"].date_of(payments_app.LEAK_DAY)
    assert rows, "it leaks"
    assert begins < rows[0][0] < begins + dt.timedelta(days=21)
    assert rows[-1][0] == LAST


@pytest.mark.parametrize(
    ("name", "day", "words"),
    [
        ("payments-app", 30, ["Recommendation: pivot", "Use: 2 of 2 gates met", "Use alone is not a success while a guardrail is missed."]),
        ("erp", 30, ["Recommendation: pivot (provisional)", "nobody knows yet whether early use holds (the 30-day mirage)"]),
        ("erp", 60, ["Recommendation: pivot", "missed: daily active users and training completed", "The 30-day mirage: on their day 7"]),
        ("webshop", 7, ["Recommendation: insufficient data (provisional)", "not judged: user satisfaction", "n 12"]),
        ("logistics", 60, ["Recommendation: insufficient data (provisional)", "one business cycle is 90 days, and only 60 have passed"]),
    ],
)
def test_a_verdict_is_not_fooled(published: Tales, name: str, day: int, words: list[str]) -> None:
    from postlaunch.reviews import render

    text = " ".join(render("verdict", published.launches[name], f"day-{day}").text.split())
    assert [each for each in words if each not in text] == []


def seen(name: str, where: str) -> list[str]:
    """What a row of docs/promises.csv names of a launch file, and of which no mart says anything. Empty: all of it has a value."""
    asked = [
        ("kpi", kpi, "select count(value) from marts.scorecard where launch_id = %s and kpi_id = %s")
        for listed in [*re.findall(r"kpis\[(\w+)", where), *re.findall(r"KPI (\w+(?:, (?!mart)\w+)*)", where)]
        for kpi in re.findall(r"\w+", listed)
    ]
    marts = re.findall(r"marts? (\w+)", where)
    asked += [("mart", mart, f"select count(*) from marts.{mart} where launch_id = %s and %s <> ''") for mart in marts]
    for key, sql in LIVE.items():
        named = [each for listed in re.findall(rf"{re.escape(key)}\[([\w, ]+)\]", where) for each in re.findall(r"\w+", listed)]
        asked += [(key, each, sql) for each in named]
        if not named and re.search(rf"(?<!\w){re.escape(key)}(?!\w)", where):
            asked.append((key, "", sql.replace("= %s)", "<> %s)")))
    with connect() as session:
        counts = [(f"{key} {each}", session.execute(sql.encode(), [name, each]).fetchone()) for key, each, sql in asked]
    assert counts or where.startswith(("verdict.", "reviews.")), f"{where}: nothing to look for"
    return [what for what, row in counts if not row or not row[0]]


LIVE = {  # a key of the launch file -> rows that say something of it; `= %s)` is of the one that the promise names, else of any
    "alerts": "select count(value) from ("
    "select launch_id, alert_id, observed_seconds as value from marts.alert_daily "
    "union all select launch_id, alert_id, level_value from marts.leak_daily"
    ") as told where launch_id = %s and (alert_id = %s)",
    "dependencies": "select count(*) from marts.dependency_daily where launch_id = %s and (dependency_id = %s)",
    "resources": "select count(level_value) from marts.capacity_forecast where launch_id = %s and (resource_id = %s)",
    "zendesk.sla": "select count(*) from marts.ticket_sla where launch_id = %s and (priority = %s)",
    "zendesk.categories": "select sum(opened_count) from marts.ticket_categories_daily where launch_id = %s and (category_id = %s)",
    "zendesk.support_hours": "select count(*) from marts.ticket_sla where launch_id = %s and (priority <> %s)",
    "pagerduty.targets": "select count(*) from marts.incidents where launch_id = %s and severity <> %s",
    "pagerduty.kinds": "select count(*) from marts.incidents where launch_id = %s and severity <> %s",
    "service_levels": "select count(up_seconds) from marts.service_level_daily where launch_id = %s and (service_id = %s)",
    "prometheus.step_seconds": "select count(*) from marts.service_level_daily where launch_id = %s and (service_id <> %s)",
    "plan": "select count(value) from marts.plan_months where launch_id = %s and %s <> ' '",
    "segments": "select count(value) from marts.kpi_daily where launch_id = %s and (segment_id = %s)",
    "phases": "select count(value) from marts.scorecard where launch_id = %s and (phase_id = %s)",
}


@pytest.mark.parametrize("name", TOLD)
def test_every_promise_that_is_live_has_a_value(published: Tales, name: str) -> None:
    with Path("docs/promises.csv").open(encoding="utf-8", newline="") as file:
        promises = [row for row in csv.DictReader(file) if row["launch"] == name and row["status"] in ("live", "shown")]
    unseen = {row["promise"]: missing for row in promises if (missing := seen(name, row["where"]))}
    assert unseen == {}


def test_later_users_of_the_mirage_are_those_who_do_not_come_back(published: Tales) -> None:
    told = TOLD["erp"]
    with connect("reporter") as session:
        found = queries.staying(session, "erp", Dates(told.date_of(0), told.date_of(59)), told.date_of(30))
    early, later = truth.came_back(told, 7, range(30)), truth.came_back(told, 7, range(30, 60 - 7))
    assert (found.early_users, found.early_retained) == (len(early), sum(early.values()))
    assert (found.later_users, found.later_retained) == (len(later), sum(later.values()))
    assert min(len(early), len(later)) > 100


def test_the_checklists_of_a_launch_file_stand_in_its_daily_review(published: Tales) -> None:
    from postlaunch.reviews import render

    text = " ".join(render("daily", published.launches["webshop"], str(LAST)).text.split()).partition("CHECKLISTS OF TODAY")[2]
    asked = [item for items in published.launches["webshop"].reviews.checklists.values() for item in items]
    assert len(asked) == 15
    assert [item for item in asked if item not in text] == []


def test_the_gate_warns_of_priorities_without_a_target_and_not_of_those_promised_a_release(published: Tales) -> None:
    with connect() as session:
        rows = session.execute(
            "select launch_id from ops.gate_results where not is_passed and reason like 'tickets whose priority has no target%'"
        )
        assert {launch for (launch,) in rows} == {"emr-platform", "erp", "logistics"}


def test_a_ratio_per_thousand_is_a_number_and_no_percentage(published: Tales) -> None:
    with connect() as session:
        row = session.execute("select unit from marts.kpis where launch_id = 'erp' and kpi_id = 'tickets_per_1000_users'").fetchone()
    assert row == ("count",)
