from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from postlaunch.config.connections import Connection, get_connection
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import SourceAuthError
from postlaunch.ingest import ingest
from postlaunch.landing.zone import Landing, Pull
from postlaunch.load.loader import Loader
from postlaunch.sources.mixpanel.profiles import EngageApi, land_profiles

ASKED = {"project_id": 1001, "profile_properties": ["plan", "company_size"]}


def silent(*_: object) -> None:
    pass


def yesterday(launch: Launch) -> dt.date:
    return dt.datetime.now(launch.zone).date() - dt.timedelta(days=1)


def profile(number: int, **properties: Any) -> dict[str, Any]:
    return {"$distinct_id": f"u{number}", "$properties": {"plan": "basic", **properties}}


class Engage:
    """Pages of profiles as the API gives them; a test changes what it is to give wrong."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = list(pages)
        self.total = sum(map(len, pages))
        self.sessions = 0
        self.expires_at: dict[str, int] = {}  # session -> the first page that it does not know any more

    def answer(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        session, number = query.get("session_id"), int(query.get("page", 0))
        if session is None:
            self.sessions += 1
            session = f"s{self.sessions}"
        if number >= self.expires_at.get(session, 10**6):
            return 400, {"status": "error", "error": "request for page in uncached query for params"}
        results = self.pages[number] if number < len(self.pages) else []
        return 200, {"page": number, "page_size": 2, "session_id": session, "status": "ok", "total": self.total, "results": results}


@pytest.fixture
def engage(api, answer) -> Callable[..., Engage]:
    """Let the server answer with these pages."""

    def serve(*pages: list[dict[str, Any]]) -> Engage:
        served = Engage(*pages)

        def respond(request: Any) -> Any:
            status, body = served.answer(request.query)
            return answer(json.dumps(body).encode(), status)

        api.answer = respond
        return served

    return serve


@pytest.fixture
def pull(make_launch, connection: Connection, landing: Landing) -> Callable[..., list[Pull]]:
    def run(days_ago: int = 1, **section: Any) -> list[Pull]:
        launch = make_launch(mixpanel={**ASKED, **section})
        last = yesterday(launch) - dt.timedelta(days=days_ago - 1)
        return land_profiles(launch, connection, Dates.of(last), landing, silent)

    return run


def records(pulls: list[Pull]) -> list[dict[str, Any]]:
    return [json.loads(line) for pull in pulls for batch in pull.batches() for line in batch.lines]


def nothing_is_landed(landing: Landing) -> bool:
    return not [path for path in landing.root.rglob("*") if path.is_file()]


def test_every_page_of_a_session_is_landed_with_the_asked_properties_only(pull, engage, api) -> None:
    engage([profile(1, **{"$email": "ann@example.com"}), profile(2, company_size=10**30)], [profile(3, **{"$name": "Ann"})])
    (landed,) = pull()
    assert records([landed]) == [
        {"id": "u1", "properties": {"plan": "basic"}},
        {"id": "u2", "properties": {"plan": "basic", "company_size": 10**30}},
        {"id": "u3", "properties": {"plan": "basic"}},
    ]
    asked = [(request.path, request.query.get("session_id"), request.query.get("page")) for request in api.requests]
    assert asked == [("/api/2.0/engage", None, None), ("/api/2.0/engage", "s1", "1")]
    assert {request.query["output_properties"] for request in api.requests} == {'["plan","company_size"]'}
    assert {request.query["project_id"] for request in api.requests} == {"1001"}
    assert base64.b64decode(api.requests[0].headers["Authorization"].removeprefix("Basic ")) == b"robot@example.com:s3cret-do-not-tell"
    assert landed.manifest.request["profile_properties"] == ["plan", "company_size"]


def test_a_launch_that_asks_for_no_property_and_a_window_of_the_past_call_nothing(pull, engage, api) -> None:
    engage([profile(1)])
    assert pull(profile_properties=[]) == []
    assert pull(days_ago=2) == []
    assert api.requests == []


def test_a_project_without_profiles_is_landed_as_empty(pull, engage) -> None:
    engage([])
    assert [landed.manifest.rows for landed in pull()] == [0]


def test_an_empty_page_in_the_middle_is_not_the_end(pull, engage) -> None:
    engage([profile(1), profile(2)], [], [], [profile(3)])
    assert [record["id"] for record in records(pull())] == ["u1", "u2", "u3"]


def test_more_profiles_than_an_hour_of_calls_can_bring_cost_one_call_and_are_told(pull, engage, api) -> None:
    engage(*[[profile(page * 2), profile(page * 2 + 1)] for page in range(51)])
    found = pull()[0].manifest
    assert (found.rows, len(api.requests)) == (0, 1)
    assert found.warnings == ["profiles were not pulled: 102 profiles need 51 calls, and more than 50 leave none for the events"]


def test_a_session_that_expires_is_begun_again_and_nothing_stands_twice(pull, engage) -> None:
    served = engage([profile(1), profile(2)], [profile(3)])
    served.expires_at = {"s1": 1}
    assert [record["id"] for record in records(pull())] == ["u1", "u2", "u3"]
    assert served.sessions == 2


@pytest.mark.parametrize(
    ("pages", "total", "reason"),
    [
        ([[profile(1), profile(2)], [profile(1), profile(2)]], 4, "4 profiles came, 2 different ones, and 4 were announced"),
        ([[profile(1), profile(2)]], 3, "2 of 3 profiles came, then 4 empty pages"),
        ([[profile(1), profile(2)], [profile(3), profile(4)]], 3, "4 profiles came, 4 different ones, and 3 were announced"),
    ],
)
def test_a_page_that_repeats_and_a_total_that_is_not_met_are_refused_after_three_sessions(
    pull, engage, pages: list[list[dict[str, Any]]], total: int, reason: str
) -> None:
    served = engage(*pages)
    served.total = total
    found = pull()[0].manifest
    assert f"no whole list of profiles in 3 sessions: {reason}" in found.warnings[0]
    assert (served.sessions, found.rows) == (3, 0)


def test_a_total_that_changes_and_a_page_that_was_not_asked_for_begin_a_new_session(pull, api, answer) -> None:
    def page(number: int, total: int, *results: dict[str, Any]) -> Any:
        return answer(json.dumps({"page": number, "session_id": "s", "total": total, "results": results}).encode())

    api.script(
        page(0, 2, profile(1)), page(1, 3, profile(2)),
        page(0, 2, profile(1)), page(0, 2, profile(1)),
        page(0, 2, profile(1)), page(1, 2, profile(2)),
    )  # fmt: skip
    assert [record["id"] for record in records(pull())] == ["u1", "u2"]
    assert len(api.requests) == 6


def test_refused_credentials_fail_at_once_and_name_no_secret(pull, api, answer, landing: Landing) -> None:
    api.script(answer(b'{"error": "no"}', 401))
    with pytest.raises(SourceAuthError) as raised:
        pull()
    assert "s3cret" not in str(raised.value)
    assert len(api.requests) == 1
    assert nothing_is_landed(landing)


@pytest.mark.parametrize(
    "fault", [{"status": 429}, {"status": 503}, {"cut": 30}, {"cut": 30, "framing": "close"}, {"cut": 30, "framing": "chunked"}]
)
def test_a_page_that_fails_is_asked_for_again(pull, api, answer, engage, fault: dict[str, Any]) -> None:
    whole = Engage([profile(1)]).answer({})[1]
    body = json.dumps(whole).encode()
    api.script(answer(body, **fault), answer(body))
    assert [record["id"] for record in records(pull())] == ["u1"]


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"error": "x"}', b'{"results": [], "page": 0}', b'{"session_id": "s", "total": 1, "results": [{}]}']
)
def test_anything_but_profiles_is_garbage(pull, api, answer, body: bytes) -> None:
    api.script(answer(body))
    found = pull()[0].manifest
    assert (found.rows, "did not answer with" in found.warnings[0]) == (0, True)


def test_profiles_that_are_forbidden_cost_no_event(pull, api, answer) -> None:
    api.script(answer(b'{"error": "no access to profiles"}', 403))
    found = pull()[0].manifest
    assert (found.rows, found.warnings[0].startswith("profiles were not pulled: mixpanel: http")) == (0, True)


def test_every_page_is_taken_from_the_budget(make_launch, connection: Connection, landing: Landing, engage, api) -> None:
    class Counting:
        taken = 0

        def take(self) -> None:
            self.taken += 1

        def pause(self, seconds: float) -> float:
            return seconds

    engage([profile(1), profile(2)], [profile(3)])
    launch, budget = make_launch(mixpanel=ASKED), Counting()
    land_profiles(launch, connection, Dates.of(yesterday(launch)), landing, silent, budget)
    assert budget.taken == len(api.requests) == 2


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://u:p@data.mixpanel.com", "https://mixpanel.com/api/2.0/engage"),
        ("https://u:p@data-eu.mixpanel.com", "https://eu.mixpanel.com/api/2.0/engage"),
        ("https://u:p@data-in.mixpanel.com", "https://in.mixpanel.com/api/2.0/engage"),
        ("http://u:p@127.0.0.1:8080/mixpanel", "http://127.0.0.1:8080/mixpanel/api/2.0/engage"),
    ],
)
def test_queries_go_to_the_host_of_queries(make_launch, monkeypatch: pytest.MonkeyPatch, base: str, url: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_MIXPANEL", base)
    api = EngageApi(get_connection("postlaunch_mixpanel"), make_launch(mixpanel=ASKED).mixpanel)
    assert (api.url, f"{api._client.formatted_api}/2.0/engage") == (url, url)


# --- to the warehouse ------------------------------------------------------------------------------------------------------


def in_warehouse(warehouse: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(warehouse) as session:
        return session.execute("select id, record -> 'properties' from raw.mixpanel_profiles order by id").fetchall()


def test_the_profiles_of_the_story_are_in_the_warehouse_and_none_of_their_names(
    apis: str, warehouse: str, tmp_path, monkeypatch: pytest.MonkeyPatch, make_launch
) -> None:
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    launch = make_launch(mixpanel={"project_id": 1001, "profile_properties": ["plan", "wave"]})
    landing, last = Landing(str(tmp_path / "landing")), yesterday(launch)
    (pull,) = land_profiles(launch, get_connection("postlaunch_mixpanel"), Dates.of(last), landing, silent)
    with Loader(launch) as loader:
        assert loader.load(pull).loaded == pull.manifest.rows > 2000  # three pages
        (again,) = land_profiles(launch, get_connection("postlaunch_mixpanel"), Dates.of(last), landing, silent)
        result = loader.load(again)
    assert (result.loaded, result.duplicates, result.is_changed) == (0, pull.manifest.rows, False)
    found = in_warehouse(warehouse)
    assert found[0][0] == "user-00000"
    assert {name for _, properties in found for name in properties} == {"plan", "wave"}
    assert {properties["plan"] for _, properties in found} == {"standard", "professional", "enterprise"}


def test_an_odd_profile_among_others_costs_itself(
    warehouse: str, tmp_path, monkeypatch: pytest.MonkeyPatch, make_launch, api, answer
) -> None:
    odd: list[Any] = ["no profile", {"$properties": {"plan": "pro"}}, {"$distinct_id": "u3", "$properties": None}]
    page = json.dumps({"session_id": "s", "total": 5, "page": 0, "results": [profile(1), *odd, profile(2)]}).encode()
    api.answer = lambda request: answer.zipped(b"") if request.path.endswith("/export") else answer(page)
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_MIXPANEL", api.url)
    launch = make_launch(mixpanel=ASKED)
    result = ingest("mixpanel", launch, yesterday(launch), yesterday(launch))
    assert [(load.stream, load.loaded) for load in result.loads] == [("events", 0), ("profiles", 2)]
    assert [user for user, _ in in_warehouse(warehouse)] == ["u1", "u2"]
    with psycopg.connect(warehouse) as session:
        refused = session.execute("select stream, reason, count(*) from quarantine.records group by 1, 2").fetchall()
    assert refused == [("profiles", "missing key 'id'", 3)]


def test_events_and_profiles_come_with_one_ingest_and_a_changed_plan_replaces_the_one_before(
    warehouse: str, tmp_path, monkeypatch: pytest.MonkeyPatch, make_launch, api, answer
) -> None:
    plans = iter(["basic", "pro"])

    def respond(request: Any) -> Any:
        if request.path.endswith("/export"):
            return answer.zipped(b"")
        return answer(json.dumps(Engage([profile(1, plan=next(plans))]).answer({})[1]).encode())

    api.answer = respond
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_MIXPANEL", api.url)
    launch = make_launch(mixpanel=ASKED)
    last = yesterday(launch)
    result = ingest("mixpanel", launch, last, last)
    assert [load.stream for load in result.loads] == ["events", "profiles"]
    ingest("mixpanel", launch, last, last)
    assert in_warehouse(warehouse) == [("u1", {"plan": "pro"})]
