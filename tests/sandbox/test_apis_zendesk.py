"""The simulated Zendesk pages completely, hides what has not happened, and limits as the real one does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from postlaunch.config.load import load_launch
from sandbox.apis import Limits, create_app
from sandbox.apis.credentials import ZENDESK_EMAIL, ZENDESK_TOKEN
from sandbox.story import Plan
from sandbox.story.plan import iso
from sandbox.story.support_hours import hours, opening
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
TICKET_EVENTS = "/zendesk/api/v2/incremental/ticket_events.json"
USERS, USERS_BY_CURSOR = "/zendesk/api/v2/incremental/users.json", "/zendesk/api/v2/incremental/users/cursor.json"
ORGANIZATIONS = "/zendesk/api/v2/incremental/organizations.json"
POLICIES, SCHEDULES = "/zendesk/api/v2/slas/policies", "/zendesk/api/v2/business_hours/schedules"


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


def test_users_and_organizations_of_the_tickets_stand_beside_them_if_asked_for(client: TestClient) -> None:
    assert "users" not in get(client, TICKETS, start_time=START)
    for page in ticket_pages(client, start_time=START, include="users,organizations"):
        people = {ticket[name] for ticket in page["tickets"] for name in ("requester_id", "assignee_id")} - {None}
        assert {user["id"] for user in page["users"]} == people
        assert {each["id"] for each in page["organizations"]} == {ticket["organization_id"] for ticket in page["tickets"]}


def test_deleted_tickets_come_as_deleted_and_without_their_text(client: TestClient) -> None:
    deleted = [ticket for page in ticket_pages(client, start_time=START) for ticket in page["tickets"] if ticket["status"] == "deleted"]
    assert 3 <= len(deleted) <= 25
    assert {ticket["subject"] for ticket in deleted} == {"SCRUBBED"}


@pytest.mark.parametrize("path", [TICKETS, EVENTS, TICKET_EVENTS, USERS, USERS_BY_CURSOR, ORGANIZATIONS])
def test_a_start_within_the_last_minute_is_refused(client: TestClient, path: str) -> None:
    now = int(CLOCK.timestamp())
    assert client.get(path, params={"start_time": now - 59}, auth=AUTH).status_code == 400
    assert client.get(path, params={"start_time": now - 60}, auth=AUTH).status_code == 200
    assert client.get(path, auth=AUTH).status_code == 400
    assert client.get(path, params={"start_time": "soon"}, auth=AUTH).status_code == 400


def test_a_foreign_cursor_is_refused(client: TestClient) -> None:
    response = client.get(TICKETS, params={"cursor": "bm90IG91cnM="}, auth=AUTH)
    assert (response.status_code, response.json()["error"]) == (400, "InvalidCursor")


@pytest.mark.parametrize("path", [TICKETS, EVENTS, RATINGS, TICKET_EVENTS, USERS, USERS_BY_CURSOR, ORGANIZATIONS, POLICIES, SCHEDULES])
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


def by_time(client: TestClient, path: str, **query: Any) -> dict[int, dict[str, Any]]:
    """Records by id, through all pages of a time-based export."""
    name, start, found = path.rsplit("/", maxsplit=1)[-1].removesuffix(".json"), START, {}
    while True:
        page = get(client, path, start_time=start, **query)
        found |= {record["id"]: record for record in page[name]}
        if page["end_of_stream"]:
            return found
        assert page["end_time"] > start
        start = page["end_time"]


def test_comments_agree_with_the_metric_events(client: TestClient) -> None:
    events = by_time(client, TICKET_EVENTS, include="comment_events", per_page=500)
    comments = [(event["ticket_id"], child) for event in events.values() for child in event["child_events"] if "author_id" in child]
    assert {child["public"] for _, child in comments} == {True, False}
    for ticket in all_tickets(PLAN, CLOCK.timestamp() - 60):
        mine = sorted((child["created_at"], child["author_id"], child["public"]) for owner, child in comments if owner == ticket.id)
        metrics = list(metric_events(PLAN, ticket, CLOCK.timestamp() - 60))
        fulfilled = [event["time"] for event in metrics if (event["metric"], event["type"]) == ("reply_time", "fulfill")]
        replies = [at for at, author, public in mine if public and author == ticket.agent]
        assert replies[: len(fulfilled)] == fulfilled
        assert mine[0][1:] == (390000000000 + ticket.requester, True)
        if ticket.deleted_at is None:
            solves = [iso(at) for at in ticket.solved if at <= CLOCK.timestamp() - 60]
            assert replies[len(fulfilled) :] == solves
            asked = [at for at, author, _ in mine if author == 390000000000 + ticket.requester]
            assert asked[1:] == [iso(at) for at in ticket.reopened if at <= CLOCK.timestamp() - 60]


def test_without_the_sideload_comments_are_only_hinted_at(client: TestClient) -> None:
    events = get(client, TICKET_EVENTS, start_time=START)["ticket_events"]
    hints = [child for event in events for child in event["child_events"] if child["event_type"] == "Comment"]
    assert hints
    assert all(child["comment_present"] and "body" not in child for child in hints)


def test_the_last_status_of_the_events_is_that_of_the_ticket(client: TestClient) -> None:
    told: dict[int, str] = {}
    for event in by_time(client, TICKET_EVENTS).values():
        for child in event["child_events"]:
            told[event["ticket_id"]] = child.get("status", told.get(event["ticket_id"]))
    shown = {ticket["id"]: ticket["status"] for page in ticket_pages(client, start_time=START) for ticket in page["tickets"]}
    assert told == shown
    assert "deleted" in told.values()


def test_users_come_by_cursor_and_by_time_with_those_who_left(client: TestClient) -> None:
    by_cursor: list[dict[str, Any]] = []
    query: dict[str, Any] = {"start_time": 0, "per_page": 100}
    empty = []
    while True:
        page = get(client, USERS_BY_CURSOR, **query)
        by_cursor += page["users"]
        empty.append(not page["users"] and not page["end_of_stream"])
        if page["end_of_stream"]:
            break
        query = {"cursor": page["after_cursor"], "per_page": 100}
    assert any(empty)
    found: dict[int, dict[str, Any]] = {}
    start = 0
    while True:
        page = get(client, USERS, start_time=start, per_page=100)
        found |= {user["id"]: user for user in page["users"]}
        if page["end_of_stream"]:
            break
        start = page["end_time"]
    assert found == {user["id"]: user for user in by_cursor}
    assert len(by_cursor) == len(found)
    left = [user for user in by_cursor if not user["active"]]
    assert 3 <= len(left) <= 40
    assert {user["email"] for user in left} == {None}
    assert {user["role"] for user in by_cursor} == {"agent", "end-user"}


def test_an_organization_that_changed_comes_again(client: TestClient) -> None:
    assert len(get(client, ORGANIZATIONS, start_time=0)["organizations"]) == 8
    changed = get(client, ORGANIZATIONS, start_time=PLAN.at(37))["organizations"]
    assert [(each["name"], each["tags"]) for each in changed] == [("St. Brendan\u2019s", ["at_risk"])]
    assert get(client, ORGANIZATIONS, start_time=PLAN.at(39))["organizations"] == []


def test_the_policy_is_that_of_the_launch_file(client: TestClient, sandbox_launches: Path) -> None:
    policies = get(client, POLICIES)["sla_policies"]
    zendesk = load_launch(sandbox_launches, "emr-platform").zendesk
    assert zendesk is not None
    told = {
        (metric["priority"], metric["metric"]): metric["target"] for metric in policies[0]["policy_metrics"] if metric["business_hours"]
    }
    replies = {(target.priority, "first_reply_time"): target.first_reply_minutes for target in zendesk.sla}
    assert told == replies | {(target.priority, "total_resolution_time"): target.resolution_minutes for target in zendesk.sla}


@pytest.mark.parametrize("day", [0, 13, 14, 29, 30, 85])
def test_the_schedule_holds_the_hours_of_the_day(client: TestClient, day: int) -> None:
    client.put("/_sandbox/clock", json={"now": iso(PLAN.at(day, 12))})
    schedule = get(client, SCHEDULES)["schedules"][0]
    client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    for weekday in range(7):
        sunday = 60 * 24 * ((weekday + 1) % 7)
        found = [(each["start_time"] - sunday, each["end_time"] - sunday) for each in schedule["intervals"]]
        expected = hours(day, weekday)
        inside = [each for each in found if 0 <= each[0] < 60 * 24]
        assert inside == ([] if expected is None else [(60 * expected[0], 60 * expected[1])])


def test_holidays_belong_to_a_schedule_and_the_desk_is_closed_on_them(client: TestClient) -> None:
    schedule = get(client, SCHEDULES)["schedules"][0]["id"]
    holidays = get(client, f"{SCHEDULES}/{schedule}/holidays")["holidays"]
    assert holidays
    for holiday in holidays:
        assert opening(PLAN, (dt.date.fromisoformat(holiday["start_date"]) - LAUNCH_DATE).days) is None
    assert client.get(f"{SCHEDULES}/7/holidays", auth=AUTH).status_code == 404


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
        response = ask((TICKETS, EVENTS, TICKET_EVENTS, USERS_BY_CURSOR, ORGANIZATIONS)[number % 5])
        assert response.status_code == 200
        assert response.headers["x-rate-limit-remaining"] == str(9 - number)
    refused = ask(TICKETS)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "51"
    assert ask(RATINGS).status_code == 200  # not an incremental endpoint
    passed[0] += 51.0
    assert ask(TICKETS).status_code == 200
