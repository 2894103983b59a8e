"""One warehouse with the golden cases of incidents, reliability and capacity, built once for all tests of this folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postlaunch.marts.build import build
from tests.conftest import Warehouses
from tests.dbt.event_rows import load_dates, write_launch
from tests.dbt.operations import (
    capacity_cases,
    declared_cases,
    deployment_cases,
    impact_cases,
    incident_cases,
    metric_cases,
    on_call_cases,
    release_cases,
)
from tests.dbt.operations.raw_rows import put_entities, put_samples
from tests.dbt.operations.support_desks import DESKS, FIRST, LAST
from tests.dbt.operations.support_exports import metric_event_entities, ticket_entity, ticket_event_entities
from tests.dbt.operations.support_tickets import random_tickets

IMPACT_SEED = 5


@pytest.fixture(scope="package")
def built(warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """A session in the built warehouse (marts in schema build)."""
    with (
        pytest.MonkeyPatch.context() as patch,
        warehouses.copied(template, patch) as uri,
        psycopg.connect(uri) as session,
    ):
        patch.setenv("POSTLAUNCH_LAUNCHES", str(_launch_files(tmp_path_factory.mktemp("launches"))))
        session.execute("set timezone to 'UTC'")
        _put_support(session)
        _put_incidents(session)
        _put_deployments(session)
        _put_duties(session)
        _put_impacts(session)
        _put_releases(session)
        put_samples(session, metric_cases.PLACE, metric_cases.DATES, metric_cases.service_samples() + metric_cases.resource_samples())
        put_samples(session, declared_cases.PLACE, metric_cases.DATES, declared_cases.samples())
        put_samples(session, capacity_cases.PLACE, capacity_cases.DATES, capacity_cases.samples())
        session.commit()
        build()
        patch.undo()
        yield session


def _launch_files(folder: Path) -> Path:
    incidents, metrics = incident_cases, metric_cases
    write_launch(folder, "paged", date=incidents.LAUNCH_DATE, timezone=incidents.PLACE.zone.key, pagerduty=incidents.PAGERDUTY)
    write_launch(folder, "one_p1", date=incidents.LAUNCH_DATE, timezone="UTC", pagerduty=incidents.PAGERDUTY)
    write_launch(folder, "typo", date=incidents.LAUNCH_DATE, timezone="UTC", pagerduty={"services": ["PNONE"]})
    rota = on_call_cases
    write_launch(folder, "rota", date=rota.LAUNCH_DATE, timezone=rota.PLACE.zone.key, pagerduty=rota.PAGERDUTY)
    ships = deployment_cases
    write_launch(folder, "shipped", date=ships.LAUNCH_DATE, timezone=ships.PLACE.zone.key, pagerduty={}, deployments=ships.DEPLOYMENTS)
    zone = metrics.PLACE.zone.key
    write_launch(
        folder,
        "watched",
        date=metrics.LAUNCH_DATE,
        timezone=zone,
        prometheus=metrics.PROMETHEUS,
        kpis=metrics.TARGETS,
        alerts=metrics.ALERTS,
    )
    due = release_cases
    zone = due.PLACE.zone.key
    write_launch(folder, "released", date=due.LAUNCH_DATE, timezone=zone, zendesk=due.ZENDESK, pagerduty={}, deployments={})
    lost = impact_cases
    write_launch(
        folder,
        "impacted",
        date=lost.LAUNCH_DATE,
        timezone=lost.PLACE.zone.key,
        mixpanel={"project_id": 1, "timezone": lost.PLACE.zone.key},
        pagerduty=lost.PAGERDUTY,
    )
    write_launch(folder, "declared", **declared_cases.FILE)
    capacity = capacity_cases
    write_launch(folder, "simulated", date=capacity.LAUNCH_DATE, timezone=capacity.PLACE.zone.key, prometheus=capacity.PROMETHEUS)
    desk = DESKS[0]
    write_launch(folder, desk.name, date=desk.launch_date, timezone=desk.zone, zendesk=desk.section(is_later=False))
    return folder


def _put_support(session: psycopg.Connection) -> None:
    """One desk, so that there are clocks to damage; what they say is tested in a build of their own."""
    desk, tickets = DESKS[0], random_tickets(DESKS[0], 7, 40)
    for stream, entities in (
        ("tickets", [ticket_entity(ticket) for ticket in tickets]),
        ("ticket_metric_events", [entity for ticket in tickets for entity in metric_event_entities(desk, ticket)]),
        ("ticket_events", [entity for ticket in tickets for entity in ticket_event_entities(ticket)]),
    ):
        put_entities(session, desk.place, "zendesk", stream, (FIRST, LAST), entities)


def _put_incidents(session: psycopg.Connection) -> None:
    cases, dates = incident_cases, (incident_cases.FIRST, incident_cases.LAST)
    services = cases.service_entities()
    for place, incidents in ((cases.PLACE, cases.INCIDENTS), (cases.ONE_P1, cases.ONE_P1_INCIDENTS)):
        put_entities(session, place, "pagerduty", "incidents", dates, cases.incident_entities(incidents))
        put_entities(session, place, "pagerduty", "log_entries", dates, cases.log_entities(incidents))
        put_entities(session, place, "pagerduty", "services", dates, services)
    put_entities(session, cases.TYPO, "pagerduty", "incidents", dates, [])


def _put_deployments(session: psycopg.Connection) -> None:
    """The last date is covered by its incidents, but PagerDuty refused the change events."""
    cases, place = deployment_cases, deployment_cases.PLACE
    put_entities(session, place, "pagerduty", "incidents", (cases.FIRST, cases.LAST), cases.incident_entities())
    put_entities(session, place, "pagerduty", "change_events", (cases.FIRST, cases.UNSEEN - dt.timedelta(days=1)), cases.change_entities())
    put_entities(
        session, place, "pagerduty", "change_events", (cases.UNSEEN, cases.UNSEEN), [], ["change_events were not pulled: forbidden"]
    )


def _put_duties(session: psycopg.Connection) -> None:
    """On one date PagerDuty refused the on-calls."""
    cases, place, day = on_call_cases, on_call_cases.PLACE, dt.timedelta(days=1)
    put_entities(session, place, "pagerduty", "log_entries", (cases.FIRST, cases.LAST), cases.page_entities())
    put_entities(session, place, "pagerduty", "services", (cases.FIRST, cases.LAST), cases.service_entities())
    put_entities(session, place, "pagerduty", "oncalls", (cases.FIRST, cases.UNSEEN - day), cases.duty_entities())
    put_entities(session, place, "pagerduty", "oncalls", (cases.UNSEEN, cases.UNSEEN), [], ["oncalls were not pulled: forbidden"])
    put_entities(session, place, "pagerduty", "oncalls", (cases.UNSEEN + day, cases.LAST), [])


def _put_impacts(session: psycopg.Connection) -> None:
    cases, place = impact_cases, impact_cases.PLACE
    incidents = [case.incident for case in cases.CASES]
    put_entities(session, place, "pagerduty", "incidents", (cases.FIRST, cases.LAST), incident_cases.incident_entities(incidents))
    put_entities(session, place, "pagerduty", "log_entries", (cases.FIRST, cases.LAST), incident_cases.log_entities(incidents))
    load_dates(session, place.launch_id, place.zone.key, cases.LOADED, cases.payments(IMPACT_SEED))


def _put_releases(session: psycopg.Connection) -> None:
    """On one date PagerDuty refused the change events."""
    cases, place, day = release_cases, release_cases.PLACE, dt.timedelta(days=1)
    put_entities(session, place, "zendesk", "tickets", (cases.FIRST, cases.LAST), cases.ticket_entities())
    put_entities(session, place, "pagerduty", "incidents", (cases.FIRST, cases.LAST), [])
    put_entities(session, place, "pagerduty", "change_events", (cases.FIRST, cases.UNSEEN - day), cases.change_entities())
    put_entities(
        session, place, "pagerduty", "change_events", (cases.UNSEEN, cases.UNSEEN), [], ["change_events were not pulled: forbidden"]
    )
    put_entities(session, place, "pagerduty", "change_events", (cases.UNSEEN + day, cases.LAST), [])
