"""The simulated Zendesk pages completely, hides what has not happened, and limits as the real one does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sandbox.apis import Limits, create_app
from sandbox.apis.credentials import ZENDESK_EMAIL, ZENDESK_TOKEN
from sandbox.story import Plan
from sandbox.story.ticket_records import metric_events
from sandbox.story.tickets import all_tickets

LAUNCH_DATE = dt.date(2026, 1, 12)
CLOCK = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
AUTH = (f"{ZENDESK_EMAIL}/token", ZENDESK_TOKEN)
PLAN = Plan(LAUNCH_DATE)
START = PLAN.at(-9)
TICKETS = "/zendesk/api/v2/incremental/tickets/cursor.json"
EVENTS = "/zendesk/api/v2/incremental/ticket_metric_events.json"
RATINGS = "/zendesk/api/v2/satisfaction_ratings.json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A client of simulators without limits, their clock stopped."""
    return TestClient(create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none()))


def get(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    response = client.get(path, params=query, auth=AUTH)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def ticket_pages(client: TestClient, **query: Any) -> Iterator[dict[str, Any]]:
    """All pages from a start time to the end of the stream."""
    page = get(client, TICKETS, **query)
    yield page
    while not page["end_of_stream"]:
        page = get(client, TICKETS, cursor=page["after_cursor"], **{name: value for name, value in query.items() if name != "start_time"})
        yield page


@pytest.mark.parametrize("per_page", [1000, 50, 7])
def test_every_ticket_comes_once_whatever_the_page(client: TestClient, per_page: int) -> None:
    pages = list(ticket_pages(client, start_time=START, per_page=per_page))
    ids = [ticket["id"] for page in pages for ticket in page["tickets"]]
    assert sorted(ids) == [ticket.id for ticket in all_tickets(PLAN, CLOCK.timestamp() - 60)]
    stamps = [ticket["generated_timestamp"] for page in pages for ticket in page["tickets"]]
    assert stamps == sorted(stamps)


def test_a_page_in_the_middle_is_empty_and_is_not_the_end(client: TestClient) -> None:
    pages = list(ticket_pages(client, start_time=START))
    sizes = [len(page["tickets"]) for page in pages]
    assert sizes[1] == 0
    assert not pages[1]["end_of_stream"]
    assert pages[1]["after_cursor"] != pages[0]["after_cursor"]
    assert sizes[0] > 0 < sizes[2]
    assert [page["end_of_stream"] for page in pages] == [False] * (len(pages) - 1) + [True]


def test_the_saved_cursor_brings_only_what_changed_since(client: TestClient) -> None:
    client.put("/_sandbox/clock", json={"now": "2026-03-01T06:00:00Z"})
    before = list(ticket_pages(client, start_time=START))
    client.put("/_sandbox/clock", json={"now": "2026-03-02T06:00:00Z"})
    later = get(client, TICKETS, cursor=before[-1]["after_cursor"])["tickets"]
    client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    since = dt.datetime(2026, 3, 1, 5, 59, tzinfo=dt.UTC).timestamp()
    assert later
    assert all(ticket["generated_timestamp"] > since for ticket in later)
    assert any(ticket["created_at"] < "2026-03-01" for ticket in later)


def test_metric_sets_are_embedded_only_if_asked_for(client: TestClient) -> None:
    plain, rich = (get(client, TICKETS, start_time=START, **more)["tickets"][5] for more in ({}, {"include": "metric_sets"}))
    assert "metric_set" not in plain
    assert rich["metric_set"]["ticket_id"] == rich["id"] == plain["id"]


def test_deleted_tickets_come_as_deleted_and_without_their_text(client: TestClient) -> None:
    deleted = [ticket for page in ticket_pages(client, start_time=START) for ticket in page["tickets"] if ticket["status"] == "deleted"]
    assert 3 <= len(deleted) <= 25
    assert {ticket["subject"] for ticket in deleted} == {"SCRUBBED"}


@pytest.mark.parametrize("path", [TICKETS, EVENTS])
def test_a_start_within_the_last_minute_is_refused(client: TestClient, path: str) -> None:
    now = int(CLOCK.timestamp())
    assert client.get(path, params={"start_time": now - 59}, auth=AUTH).status_code == 400
    assert client.get(path, params={"start_time": now - 60}, auth=AUTH).status_code == 200
    assert client.get(path, auth=AUTH).status_code == 400
    assert client.get(path, params={"start_time": "soon"}, auth=AUTH).status_code == 400


def test_a_foreign_cursor_is_refused(client: TestClient) -> None:
    response = client.get(TICKETS, params={"cursor": "bm90IG91cnM="}, auth=AUTH)
    assert (response.status_code, response.json()["error"]) == (400, "InvalidCursor")


@pytest.mark.parametrize("path", [TICKETS, EVENTS, RATINGS])
def test_a_wrong_token_is_refused(client: TestClient, path: str) -> None:
    assert client.get(path, params={"start_time": START}, auth=(AUTH[0], "wrong")).status_code == 401
    assert client.get(path, params={"start_time": START}, auth=(ZENDESK_EMAIL, ZENDESK_TOKEN)).status_code == 401


@pytest.mark.parametrize("per_page", [1000, 100])
def test_metric_events_are_complete_once_the_seams_are_merged(client: TestClient, per_page: int) -> None:
    found: dict[int, dict[str, Any]] = {}
    start, seen = START, 0
    while True:
        page = get(client, EVENTS, start_time=start, per_page=per_page)
        found |= {event["id"]: event for event in page["ticket_metric_events"]}
        seen += page["count"]
        if page["end_of_stream"]:
            break
        assert page["end_time"] > start
        start = page["end_time"]
    now = CLOCK.timestamp()
    told = {event["id"]: event for ticket in all_tickets(PLAN, now) for event in metric_events(PLAN, ticket, now - 60)}
    assert found == told
    assert seen > len(found)  # the second of the seam comes twice, as with the real API
    assert {event["type"] for event in found.values()} == {"activate", "apply_sla", "breach", "fulfill", "update_status"}


def test_ratings_come_by_cursor_and_by_page(client: TestClient) -> None:
    by_cursor: list[dict[str, Any]] = []
    query: dict[str, Any] = {"page[size]": 60}
    while True:
        page = get(client, RATINGS, **query)
        by_cursor += page["satisfaction_ratings"]
        if not page["meta"]["has_more"]:
            break
        query["page[after]"] = page["meta"]["after_cursor"]
    by_page: list[dict[str, Any]] = []
    number = 1
    while True:
        page = get(client, RATINGS, page=number)
        by_page += page["satisfaction_ratings"]
        if page["next_page"] is None:
            break
        number += 1
    assert len(by_cursor) > 300
    assert sorted(rating["id"] for rating in by_cursor) == sorted(rating["id"] for rating in by_page)
    assert {rating["score"] for rating in by_cursor} == {"offered", "good", "bad"}


def test_ratings_are_found_by_their_last_change(client: TestClient) -> None:
    start, end = PLAN.at(40), PLAN.at(41) - 1
    found = get(client, RATINGS, start_time=start, end_time=end)["satisfaction_ratings"]
    assert found
    for rating in found:
        assert start <= dt.datetime.fromisoformat(rating["updated_at"]).timestamp() <= end


def test_the_eleventh_call_in_a_minute_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    passed = [0.0]
    app = create_app(tmp_path, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits(timer=lambda: passed[0]))
    client = TestClient(app)

    def ask(path: str) -> Any:
        return client.get(path, params={"start_time": int(CLOCK.timestamp()) - 600}, auth=AUTH)

    for number in range(10):
        passed[0] = float(number)
        response = ask((TICKETS, EVENTS)[number % 2])
        assert response.status_code == 200
        assert response.headers["x-rate-limit-remaining"] == str(9 - number)
    refused = ask(TICKETS)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "51"
    assert ask(RATINGS).status_code == 200  # not an incremental endpoint
    passed[0] += 51.0
    assert ask(TICKETS).status_code == 200
