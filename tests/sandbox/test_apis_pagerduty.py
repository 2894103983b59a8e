"""The simulated PagerDuty pages, windows and limits as the real one; the official client reads it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pagerduty
import pytest
from fastapi.testclient import TestClient

from sandbox.apis import Limits, create_app
from sandbox.apis.credentials import PAGERDUTY_TOKEN
from sandbox.apis.server import running_server
from sandbox.story import Plan
from sandbox.story.incidents import incidents
from sandbox.story.plan import iso

LAUNCH_DATE = dt.date(2026, 1, 12)
CLOCK = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
HEADERS = {"authorization": f"Token token={PAGERDUTY_TOKEN}"}
PLAN = Plan(LAUNCH_DATE)
WHOLE = {"since": "2026-01-01T00:00:00Z", "until": "2026-04-13T06:00:00Z"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A client of simulators without limits, their clock stopped."""
    app = create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none())
    return TestClient(app, headers=HEADERS)


def get(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    response = client.get(f"/pagerduty{path}", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def pages(client: TestClient, path: str, name: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = get(client, path, offset=len(found), limit=limit, **query)
        found += page[name]
        if not page["more"]:
            return found


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_every_incident_comes_once_whatever_the_page(client: TestClient, limit: int) -> None:
    found = pages(client, "/incidents", "incidents", limit, **WHOLE)
    assert [incident["id"] for incident in found] == [incident.id for incident in incidents(PLAN, 90)]
    assert get(client, "/incidents", total="true", limit=1, **WHOLE)["total"] == len(found)
    assert get(client, "/incidents", limit=1, **WHOLE)["total"] is None


def test_a_window_holds_its_start_and_not_its_end(client: TestClient) -> None:
    created = "2026-02-18T19:11:00Z"
    assert len(get(client, "/incidents", since=created, until="2026-02-18T19:11:01Z")["incidents"]) == 1
    assert get(client, "/incidents", since="2026-02-18T19:00:00Z", until=created)["incidents"] == []


def test_without_a_window_the_last_month_comes(client: TestClient) -> None:
    found = get(client, "/incidents", limit=100)["incidents"]
    assert {incident["created_at"][:7] for incident in found} <= {"2026-03", "2026-04"}
    assert min(incident["created_at"] for incident in found) >= "2026-03-14"
    assert len(get(client, "/incidents", limit=100, date_range="all")["incidents"]) == len(incidents(PLAN, 90))


def test_more_than_six_months_and_too_deep_offsets_are_refused(client: TestClient) -> None:
    for query in ({"since": "2025-09-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}, {"offset": 9_950, "limit": 100}, {"since": "soon"}):
        response = client.get("/pagerduty/incidents", params=query)
        assert response.status_code == 400
        assert response.json()["error"]["errors"]
    assert client.get("/pagerduty/incidents", params={"offset": 9_900, "limit": 100}).status_code == 200


def test_naive_times_are_the_accounts(client: TestClient) -> None:
    found = get(client, "/incidents", since="2026-02-18T14:11:00", until="2026-02-18T14:12:00")["incidents"]
    assert [incident["created_at"] for incident in found] == ["2026-02-18T19:11:00Z"]


def test_services_and_statuses_filter(client: TestClient) -> None:
    billing = get(client, "/incidents", limit=100, **{"service_ids[]": ["PBIL01"]}, **WHOLE)["incidents"]
    assert len(billing) == 2
    active = get(client, "/incidents", limit=100, **{"statuses[]": ["triggered", "acknowledged"]}, **WHOLE)["incidents"]
    assert [(incident["status"], len(incident["acknowledgements"])) for incident in active] == [("acknowledged", 1)]


def test_the_clock_decides_what_an_incident_looks_like(client: TestClient) -> None:
    main = next(incident for incident in incidents(PLAN, 90) if incident.trouble.lost > 0.5)
    client.put("/_sandbox/clock", json={"now": "2026-02-18T19:15:00Z"})
    waiting = get(client, f"/incidents/{main.id}")["incident"]
    entries = get(client, f"/incidents/{main.id}/log_entries")["log_entries"]
    client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    assert (waiting["status"], waiting["resolved_at"], waiting["updated_at"]) == ("triggered", None, "2026-02-18T19:11:04Z")
    assert {entry["type"] for entry in entries} == {"trigger_log_entry", "assign_log_entry", "notify_log_entry"}
    assert get(client, f"/incidents/{main.id}")["incident"]["status"] == "resolved"
    assert client.get("/pagerduty/incidents/QNOBODY").status_code == 404


def test_log_entries_are_the_feed_of_changes_newest_first(client: TestClient) -> None:
    found = pages(client, "/log_entries", "log_entries", 20, **WHOLE)
    told = [change for incident in incidents(PLAN, 90) for change in incident.until(CLOCK.timestamp())]
    assert len({entry["id"] for entry in found}) == len(found) == len(told)
    times = [entry["created_at"] for entry in found]
    assert times == sorted(times, reverse=True)
    assert {"unacknowledge_log_entry", "escalate_log_entry", "acknowledge_log_entry"} <= {entry["type"] for entry in found}
    embedded = get(client, "/log_entries", limit=1, **{"include[]": ["incidents"]}, **WHOLE)["log_entries"][0]
    assert embedded["incident"]["incident_number"] > 0


def test_people_services_and_priorities_are_listed(client: TestClient) -> None:
    assert [service["id"] for service in get(client, "/services")["services"]] == ["PEMR01", "PEMR02", "PEMR03", "PBIL01"]
    assert [priority["summary"] for priority in get(client, "/priorities")["priorities"]] == ["P0", "P1", "P2", "P3"]
    assert get(client, "/escalation_policies")["escalation_policies"][0]["escalation_rules"]
    duties = get(client, "/oncalls", limit=100, since="2026-03-05T00:00:00Z", until="2026-03-20T00:00:00Z")["oncalls"]
    assert {duty["escalation_level"] for duty in duties} == {1, 2}
    assert all(duty["end"] > "2026-03-05" and duty["start"] < "2026-03-20" for duty in duties)
    assert len({duty["user"]["id"] for duty in duties}) == 4


def test_schedules_are_those_of_the_duties(client: TestClient) -> None:
    duties = get(client, "/oncalls", since="2026-03-05T00:00:00Z", until="2026-03-06T00:00:00Z")["oncalls"]
    assert {duty["schedule"]["id"] for duty in duties} == {schedule["id"] for schedule in get(client, "/schedules")["schedules"]}


def test_a_duty_belongs_to_every_window_that_it_overlaps_and_to_no_other(client: TestClient) -> None:
    monday, next_monday = "2026-03-09T04:00:00Z", "2026-03-16T04:00:00Z"  # midnight in New York
    week = get(client, "/oncalls", since=monday, until=next_monday)["oncalls"]
    assert {(duty["start"], duty["end"]) for duty in week} == {(monday, next_monday)}
    assert get(client, "/oncalls", since="2026-03-11T00:00:00Z", until="2026-03-11T01:00:00Z")["oncalls"] == week
    both = get(client, "/oncalls", since=monday, until="2026-03-16T04:00:01Z")["oncalls"]
    assert len(both) == 2 * len(week)
    query = {"since": monday, "until": next_monday}
    assert get(client, "/oncalls", **query, **{"escalation_policy_ids[]": ["PESC001"]})["oncalls"] == week
    assert get(client, "/oncalls", **query, **{"escalation_policy_ids[]": ["PESC999"]})["oncalls"] == []


def test_on_calls_of_more_than_three_months_are_refused(client: TestClient) -> None:
    query = {"since": "2026-01-01T00:00:00Z", "until": "2026-04-10T00:00:00Z"}
    assert client.get("/pagerduty/oncalls", params=query).status_code == 400


def test_notes_are_there_once_a_log_entry_tells_of_them(client: TestClient) -> None:
    noted = next(each for each in incidents(PLAN, 90) if any(change.type == "annotate_log_entry" for change in each.changes))
    written_at = next(change.at for change in noted.changes if change.type == "annotate_log_entry")
    for moment, count in ((written_at - 1, 0), (written_at, 1)):
        client.put("/_sandbox/clock", json={"now": iso(moment)})
        notes = get(client, f"/incidents/{noted.id}/notes")["notes"]
        assert len(notes) == count
    client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    assert "https://wiki.emr-platform.example/post-mortems/" in notes[0]["content"]
    assert "incident" not in notes[0]
    assert client.get("/pagerduty/incidents/QNOBODY/notes").status_code == 404


def test_a_wrong_token_is_refused(client: TestClient) -> None:
    assert client.get("/pagerduty/incidents", headers={"authorization": "Token token=wrong"}).status_code == 401
    for path in ("services", "schedules", "oncalls", "incidents/QNOBODY/notes"):
        assert client.get(f"/pagerduty/{path}", headers={"authorization": ""}).status_code == 401


def test_the_limit_is_told_and_kept(tmp_path: Path) -> None:
    passed = [0.0]
    app = create_app(tmp_path, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits(timer=lambda: passed[0], pagerduty_per_minute=2))
    client = TestClient(app, headers=HEADERS)
    answers = [client.get("/pagerduty/priorities") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["ratelimit-reset"] == "60"
    passed[0] = 60.0
    assert client.get("/pagerduty/priorities").status_code == 200


def test_the_official_client_reads_the_whole_history(tmp_path: Path) -> None:
    app = create_app(tmp_path, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none())
    with running_server(app) as url:
        official = pagerduty.RestApiV2Client(PAGERDUTY_TOKEN)
        official._url = f"{url}/pagerduty"
        since, until = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), CLOCK
        found = list(official.iter_history("/incidents", since, until))
        entries = list(official.iter_history("/log_entries", since, until))
    assert {incident["id"] for incident in found} == {incident.id for incident in incidents(PLAN, 90)}
    assert len(entries) == sum(len(incident.until(CLOCK.timestamp())) for incident in incidents(PLAN, 90))
