"""The simulated Mixpanel export keeps to the documented rules: inclusive dates, zones, limits, late events, streams."""

from __future__ import annotations

import collections
import datetime as dt
import zlib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from fastapi.testclient import TestClient

from sandbox.apis import Limits, create_app, mixpanel_engage
from sandbox.apis.credentials import MIXPANEL_SECRET, MIXPANEL_USER
from sandbox.story.events import LATE_DAY

LAUNCH_DATE = dt.date(2026, 1, 12)
CLOCK = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
AUTH = (MIXPANEL_USER, MIXPANEL_SECRET)
PATH = "/mixpanel/api/2.0/export"
UTC, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A client of simulators without limits, their clock stopped."""
    return TestClient(create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none()))


def export(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    response = client.get(PATH, params={"project_id": 1001, **query}, auth=AUTH)
    assert response.status_code == 200, response.text
    return [orjson.loads(line) for line in response.content.splitlines()]


def keys(events: list[dict[str, Any]]) -> collections.Counter[tuple[str, str]]:
    return collections.Counter((event["event"], event["properties"]["$insert_id"]) for event in events)


def test_both_dates_are_inclusive_and_days_add_up_to_their_range(client: TestClient) -> None:
    whole = export(client, from_date="2026-03-07", to_date="2026-03-09")
    days = [export(client, from_date=f"2026-03-0{day}", to_date=f"2026-03-0{day}") for day in (7, 8, 9)]
    assert keys(whole) == sum((keys(day) for day in days), collections.Counter())
    dates = {dt.datetime.fromtimestamp(event["properties"]["time"], UTC).date() for event in whole}
    assert dates == {dt.date(2026, 3, 7), dt.date(2026, 3, 8), dt.date(2026, 3, 9)}


def test_an_old_project_reads_dates_and_writes_times_on_its_own_clock(client: TestClient) -> None:
    local = export(client, project_id=1002, from_date="2026-03-08", to_date="2026-03-08")
    true = export(client, from_date="2026-03-08", to_date="2026-03-09")
    moments = {(event["event"], event["properties"]["$insert_id"]): event["properties"]["time"] for event in true}
    assert {dt.datetime.fromtimestamp(event["properties"]["time"], UTC).date() for event in local} == {dt.date(2026, 3, 8)}
    for event in local:
        wall = dt.datetime.fromtimestamp(event["properties"]["time"], UTC).replace(tzinfo=None)
        true_moment = moments[(event["event"], event["properties"]["$insert_id"])]
        assert dt.datetime.fromtimestamp(true_moment, NEW_YORK).replace(tzinfo=None) == wall


def test_events_that_arrive_later_than_the_clock_are_hidden(client: TestClient) -> None:
    date = (LAUNCH_DATE + dt.timedelta(days=LATE_DAY)).isoformat()
    first_night = (LAUNCH_DATE + dt.timedelta(days=LATE_DAY + 1)).isoformat()
    complete = export(client, project_id=1002, from_date=date, to_date=date)
    try:
        client.put("/_sandbox/clock", json={"now": f"{first_night}T06:00:00Z"})
        early = export(client, project_id=1002, from_date=date, to_date=date)
    finally:
        client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    assert 0.87 < len(early) / len(complete) < 0.93
    assert not keys(early) - keys(complete)
    assert (
        max(event["properties"]["mp_processing_time_ms"] for event in early)
        <= dt.datetime.fromisoformat(f"{first_night}T06:00:00Z").timestamp() * 1000
    )


def test_only_the_named_events_come_and_no_more_than_the_limit(client: TestClient) -> None:
    day = {"from_date": "2026-02-10", "to_date": "2026-02-10"}
    named = export(client, **day, event='["Signed Up", "Export Used"]')
    everything = export(client, **day)
    assert keys(named) == keys([event for event in everything if event["event"] in ("Signed Up", "Export Used")])
    assert len(export(client, **day, limit=7)) == 7


def test_milliseconds_come_when_asked_for(client: TestClient) -> None:
    day = {"from_date": "2026-02-10", "to_date": "2026-02-10", "limit": 1}
    (seconds,), (millis,) = export(client, **day), export(client, **day, time_in_ms="true")
    assert millis["properties"]["time"] == 1000 * seconds["properties"]["time"]


def test_the_answer_is_gzipped_only_if_asked_for(client: TestClient) -> None:
    query = {"project_id": 1001, "from_date": "2026-02-10", "to_date": "2026-02-10"}
    with client.stream("GET", PATH, params=query, auth=AUTH, headers={"accept-encoding": "gzip"}) as response:
        packed = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == "gzip"
    plain = client.get(PATH, params=query, auth=AUTH, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert zlib.decompress(packed, wbits=31) == plain.content
    assert plain.content.endswith(b"\n")


def test_the_cdnow_purchases_go_the_same_way(client: TestClient) -> None:
    events = export(client, project_id=1997, from_date="1997-01-01", to_date="1998-06-30")
    assert (len(events), len({event["properties"]["distinct_id"] for event in events})) == (6919, 2357)
    assert {event["event"] for event in events} == {"Purchase"}
    assert export(client, project_id=1997, from_date="1998-07-01", to_date="2026-04-12") == []
    before = dt.date(1997, 10, 1)
    dates = [dt.datetime.fromtimestamp(event["properties"]["time"], UTC).date() for event in events]
    days = {(event["properties"]["distinct_id"], date) for event, date in zip(events, dates, strict=True)}
    repeats = collections.Counter(customer for customer, date in days if date < before)
    assert sum(count == 1 for count in repeats.values()) == 1411
    assert sum(count - 1 for count in repeats.values()) == 2457
    assert sum(date >= before for _, date in days) == 1882


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"from_date": "2026-04-13", "to_date": "2026-04-14"}, "to_date cannot be later than today"),
        ({"from_date": "2026-04-12", "to_date": "2026-04-11"}, "to_date cannot be before from_date"),
        ({"to_date": "2026-04-11"}, "from_date is a required parameter"),
        ({"from_date": "yesterday", "to_date": "2026-04-11"}, "from_date must be a date"),
        ({"from_date": "2026-04-11", "to_date": "2026-04-11", "event": "Signed Up"}, "event must be a JSON array"),
        ({"from_date": "2026-04-11", "to_date": "2026-04-11", "limit": "0"}, "limit must be an integer"),
        ({"from_date": "2026-04-11", "to_date": "2026-04-11", "project_id": 4711}, "Invalid project_id: 4711"),
        ({"from_date": "2026-04-11", "to_date": "2026-04-11", "where": "true"}, "where is not supported"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_reason(client: TestClient, query: dict[str, Any], message: str) -> None:
    response = client.get(PATH, params={"project_id": 1001, **query}, auth=AUTH)
    assert response.status_code == 400
    assert message in response.json()["error"]


def test_today_is_a_date_of_the_projects_zone(client: TestClient) -> None:
    client.put("/_sandbox/clock", json={"now": "2026-04-13T02:00:00Z"})  # still the 12th in New York
    try:
        answers = {
            project: client.get(
                PATH, params={"project_id": project, "from_date": "2026-04-13", "to_date": "2026-04-13"}, auth=AUTH
            ).status_code
            for project in (1001, 1002)
        }
    finally:
        client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    assert answers == {1001: 200, 1002: 400}


def test_a_wrong_secret_is_refused(client: TestClient) -> None:
    query = {"project_id": 1001, "from_date": "2026-02-10", "to_date": "2026-02-10"}
    assert client.get(PATH, params=query, auth=(MIXPANEL_USER, "wrong")).status_code == 401
    assert client.get(PATH, params=query).status_code == 401
    assert client.get(PATH, params=query, headers={"authorization": "Basic %%%"}).status_code == 401


def limited(folder: Path, **limits: int) -> tuple[TestClient, list[float]]:
    """A client of simulators with a clock for the limits that only the test moves."""
    passed = [0.0]
    app = create_app(folder, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits(timer=lambda: passed[0], **limits))
    return TestClient(app), passed


def ask(client: TestClient, project_id: int = 1997) -> httpx.Response:
    return client.get(PATH, params={"project_id": project_id, "from_date": "1997-01-01", "to_date": "1997-01-01"}, auth=AUTH)


def test_the_fourth_call_in_a_second_and_the_sixty_first_in_an_hour_are_refused(tmp_path: Path) -> None:
    client, passed = limited(tmp_path)
    assert [ask(client).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert "retry-after" not in ask(client).headers
    assert ask(client, 1001).status_code == 200  # another project has its own limit
    for _ in range(57):
        passed[0] += 1.0
        assert ask(client).status_code == 200
    passed[0] += 1.0
    assert ask(client).status_code == 429
    passed[0] = 3601.0
    assert ask(client).status_code == 200


def test_a_finished_export_gives_its_place_back(tmp_path: Path) -> None:
    client, passed = limited(tmp_path, mixpanel_at_once=1)
    for _ in range(3):
        passed[0] += 1.0
        assert ask(client).status_code == 200


def test_requests_are_counted_by_api_and_prefixes_may_be_left_out(tmp_path: Path) -> None:
    client, _ = limited(tmp_path)
    assert client.get("/api/2.0/export").status_code == 401
    assert client.get("/mixpanel/api/2.0/export").status_code == 401
    counted = client.get("/_sandbox/requests").json()
    assert counted.pop("refused") == {"mixpanel": 0, "zendesk": 0, "pagerduty": 0, "prometheus": 0}
    assert counted == {"mixpanel": 2, "zendesk": 0, "pagerduty": 0, "prometheus": 0}
    assert client.delete("/_sandbox/requests").json()["mixpanel"] == 0


def test_the_clock_takes_only_moments_with_an_offset(tmp_path: Path) -> None:
    client, _ = limited(tmp_path)
    assert client.put("/_sandbox/clock", json={"now": "2026-04-13T06:00:00"}).status_code == 400
    assert client.put("/_sandbox/clock", json={}).status_code == 400
    told = client.get("/_sandbox/clock").json()
    assert told == {"now": CLOCK.isoformat(), "frozen": True, "launch_date": "2026-01-12"}
    assert client.put("/_sandbox/clock", json={"now": None}).json()["frozen"] is False


# --- engage ---------------------------------------------------------------------------------------------------------------

ENGAGE = "/mixpanel/api/2.0/engage"


def engage(client: TestClient, **query: Any) -> dict[str, Any]:
    response = client.get(ENGAGE, params={"project_id": 1001, **query}, auth=AUTH)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_session_gives_every_profile_once_a_thousand_a_page(client: TestClient) -> None:
    first = engage(client)
    pages = [first, *(engage(client, session_id=first["session_id"], page=number) for number in (1, 2, 3))]
    ids = [each["$distinct_id"] for page in pages for each in page["results"]]
    assert (len(ids), len(set(ids))) == (first["total"], first["total"])
    assert [len(page["results"]) for page in pages] == [1000, 1000, first["total"] - 2000, 0]
    assert {"plan", "$name"} <= set(first["results"][0]["$properties"])


def test_a_session_is_a_snapshot_and_users_who_come_later_are_in_the_next(client: TestClient) -> None:
    try:
        client.put("/_sandbox/clock", json={"now": "2026-01-20T12:00:00Z"})
        early = engage(client)
    finally:
        client.put("/_sandbox/clock", json={"now": CLOCK.isoformat()})
    again = engage(client, session_id=early["session_id"], page=0)
    assert again == early
    assert early["total"] < engage(client)["total"]


def test_only_the_named_properties_come_and_post_says_the_same(client: TestClient) -> None:
    form = {"project_id": 1001, "output_properties": '["plan", "no_such"]'}
    by_post = client.post("/mixpanel/api/query/engage", data=form, auth=AUTH).json()
    assert by_post["results"] == engage(client, output_properties='["plan", "no_such"]')["results"]
    assert {tuple(each["$properties"]) for each in by_post["results"]} == {("plan",)}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"page": 1}, "session_id is required for page > 0"),
        ({"page": 1, "session_id": "gone"}, "uncached query"),
        ({"project_id": 4711}, "Invalid project_id: 4711"),
        ({"output_properties": "plan"}, "output_properties a JSON array"),
    ],
)
def test_a_wrong_profile_query_is_refused_with_its_reason(client: TestClient, query: dict[str, Any], message: str) -> None:
    response = client.get(ENGAGE, params={"project_id": 1001, **query}, auth=AUTH)
    assert response.status_code == 400
    assert message in response.json()["error"]


def test_a_session_of_another_project_and_one_that_is_old_are_not_known(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    session = engage(client)["session_id"]
    other = client.get(ENGAGE, params={"project_id": 1002, "session_id": session, "page": 1}, auth=AUTH)
    monkeypatch.setattr(mixpanel_engage, "SESSION_SECONDS", 0)
    old = client.get(ENGAGE, params={"project_id": 1001, "session_id": session, "page": 1}, auth=AUTH)
    assert (other.status_code, old.status_code) == (400, 400)


def test_profiles_have_an_hourly_limit_apart_from_the_export(tmp_path: Path) -> None:
    client = TestClient(create_app(tmp_path, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits(mixpanel_per_hour=2)))
    query = {"project_id": 1001, "from_date": "2026-02-10", "to_date": "2026-02-10", "limit": 1}
    assert client.get(PATH, params=query, auth=AUTH).status_code == 200
    assert [client.get(ENGAGE, params={"project_id": 1001}, auth=AUTH).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get(PATH, params=query, auth=AUTH).status_code == 200
    assert client.get(ENGAGE, params={"project_id": 1001}).status_code == 401
