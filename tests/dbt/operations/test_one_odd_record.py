"""One odd record on its way through a whole night: raw, build, audit, publish, beside a launch whose records are right."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from postlaunch.config.load import load_launches
from postlaunch.marts.build import build
from postlaunch.marts.publish import publish
from postlaunch.quality import audit
from postlaunch.warehouse.config_sync import sync_launches
from tests.dbt.event_rows import write_launch
from tests.dbt.operations.incident_cases import Incident, incident_entities, log_entities, service_entities
from tests.dbt.operations.raw_rows import Place, put_entities

DATE = dt.date(2026, 3, 2)
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def test_an_acknowledgement_a_second_before_its_trigger_holds_the_incidents_of_its_launch_and_the_other_launch_is_published(
    warehouse: str, launch_files: Path
) -> None:
    histories = {
        "right": [(NOON, "trigger"), (NOON + SECOND, "acknowledge"), (NOON + 60 * SECOND, "resolve")],
        "odd": [(NOON, "trigger"), (NOON - SECOND, "acknowledge"), (NOON + 60 * SECOND, "resolve")],
    }
    for launch in histories:
        write_launch(launch_files, launch, date=dt.date(2026, 3, 1), timezone="UTC", pagerduty={"severities": {"Major": "P1"}})
    sync_launches(load_launches(launch_files))
    with psycopg.connect(warehouse) as session:
        for launch, history in histories.items():
            incidents, place = [Incident(f"Q-{launch}", "Major", history)], Place(launch, ZoneInfo("UTC"))
            put_entities(session, place, "pagerduty", "services", (DATE, DATE), service_entities())
            put_entities(session, place, "pagerduty", "incidents", (DATE, DATE), incident_entities(incidents))
            put_entities(session, place, "pagerduty", "log_entries", (DATE, DATE), log_entities(incidents))
    build()
    audited = {(entry.scope.launch_id, entry.scope.domain): entry for entry in audit().domains}
    assert {scope: entry.outcome == "held" for scope, entry in audited.items()} == {
        ("right", "incidents"): False,
        ("odd", "incidents"): True,
    }
    told = next(each.text for each in audited["odd", "incidents"].failures if "nobody answers before the trigger" in each.text)
    assert "of odd" in told
    assert "Q-odd" in told

    publish()
    with psycopg.connect(warehouse) as session:
        assert session.execute("select launch_id, incident_id from marts.incidents").fetchall() == [("right", "Q-right")]
        ((held, reason),) = session.execute("select launch_id, held_reason from ops.domain_status where held_since is not null").fetchall()
    assert held == "odd"
    assert told in reason
