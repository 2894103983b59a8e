from __future__ import annotations

import datetime as dt
import functools
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from postlaunch.config.connections import get_connection
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.landing.zone import Pull
from postlaunch.sources.pagerduty import client as pagerduty_client
from postlaunch.sources.pagerduty.extract import extract
from sandbox.story import Plan, deployments, duties
from sandbox.story import incidents as story
from tests.conftest import CLOCK, LAUNCH_DATE
from tests.sources.counting import CountingBudget

PLAN = Plan(LAUNCH_DATE)
FIRST = dt.date(2026, 1, 12)
START = dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC)


def silent(*_: object) -> None:
    pass


def incident(number: str, created: dt.datetime, service: str = "S1") -> dict[str, Any]:
    return {"id": number, "created_at": created.isoformat(), "updated_at": created.isoformat(), "service": {"id": service}}


def entry(number: str, created: dt.datetime, incident_id: str, service: str = "S1", **fields: Any) -> dict[str, Any]:
    return {"id": number, "created_at": created.isoformat(), "incident": {"id": incident_id}, "service": {"id": service}, **fields}


def duty(policy: str, start: dt.datetime | None, end: dt.datetime | None, **fields: Any) -> dict[str, Any]:
    times = {"start": start and start.isoformat(), "end": end and end.isoformat()}
    return {"escalation_policy": {"id": policy}, "escalation_level": 1, "schedule": {"id": "D1"}, "user": {"id": "U1"}, **times, **fields}


_read = functools.cache(dt.datetime.fromisoformat)


class Account:
    """A PagerDuty account with its paging rules: total, offset, more, at most `depth` records deep (really 10,000)."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.depth = 10_000
        self.log_entries: list[dict[str, Any]] = []
        self.incidents: list[dict[str, Any]] = []
        self.old_incidents: list[dict[str, Any]] = []
        self.services = [
            {"id": "S1", "name": "API", "escalation_policy": {"id": "E1"}},
            {"id": "S2", "name": "Billing", "escalation_policy": {"id": "E2"}},
        ]
        self.priorities = [{"id": "P1"}]
        self.escalation_policies = [{"id": "E1"}, {"id": "E2"}]
        self.schedules = [{"id": "D1", "escalation_policies": [{"id": "E1"}]}, {"id": "D2", "escalation_policies": [{"id": "E2"}]}]
        self.oncalls: list[dict[str, Any]] = []
        self.change_events: list[dict[str, Any]] = []
        self.notes: dict[str, list[dict[str, Any]]] = {}

    def reply(self, request: Any) -> Any:
        _, name, *rest = request.path.split("/")
        if rest[1:] == ["notes"]:
            notes = self.notes.get(rest[0])
            return self._answer(b'{"error":{}}', 404) if notes is None else self._answer(json.dumps({"notes": notes}).encode())
        if rest:
            found = [each for each in [*self.incidents, *self.old_incidents] if each["id"] == rest[0]]
            return self._answer(json.dumps({"incident": found[0]}).encode()) if found else self._answer(b'{"error":{}}', 404)
        is_in = self._overlaps if name == "oncalls" else self._is_in
        records = [each for each in getattr(self, name) if is_in(each, request.query)]
        offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
        if offset + limit > self.depth:
            return self._answer(b'{"error":{"message":"Offset too deep"}}', 400)
        page = {name: records[offset : offset + limit], "offset": offset, "limit": limit, "more": offset + limit < len(records)}
        return self._answer(json.dumps({**page, "total": len(records)}).encode())

    @staticmethod
    def _is_in(record: dict[str, Any], query: dict[str, str]) -> bool:
        if "since" not in query:
            return True
        since, until = (_read(query[name]) for name in ("since", "until"))
        assert since.tzinfo is not None, "a naive time is read in the account's zone"
        assert until - since <= dt.timedelta(days=181), "a window is at most six months"
        return since <= _read(record.get("created_at") or record["timestamp"]) < until

    @staticmethod
    def _overlaps(record: dict[str, Any], query: dict[str, str]) -> bool:
        since, until = (_read(query[name]) for name in ("since", "until"))
        assert until - since <= dt.timedelta(days=90), "on-calls are searched in at most three months"
        is_asked = query.get("escalation_policy_ids[]") in (None, record["escalation_policy"]["id"])
        return is_asked and (record["start"] is None or (_read(record["start"]) < until and _read(record["end"]) > since))


@pytest.fixture
def account(api, answer) -> Account:
    account = Account(answer)
    api.answer = account.reply
    return account


@pytest.fixture
def budget() -> CountingBudget:
    return CountingBudget()


@pytest.fixture
def pull(make_launch, connection, landing, budget) -> Callable[..., dict[str, Pull]]:
    def run(first: dt.date = FIRST, last: dt.date = FIRST, **section: Any) -> dict[str, Pull]:
        pulls = extract(make_launch(pagerduty=section), connection, Dates(first, last), landing, silent, budget)
        return {pull.manifest.stream: pull for pull in pulls}

    return run


def records(pull: Pull) -> list[dict[str, Any]]:
    return [json.loads(line) for batch in pull.batches() for line in batch.lines]


def ids(pull: Pull) -> list[str]:
    return [record["id"] for record in records(pull)]


def test_incidents_of_the_window_and_older_ones_that_changed_in_it_are_pulled(account, pull) -> None:
    account.incidents = [incident("NEW", START)]
    account.old_incidents = [incident("OLD", START - dt.timedelta(days=40)), incident("QUIET", START - dt.timedelta(days=40))]
    account.log_entries = [entry("L1", START, "NEW"), entry("L2", START + dt.timedelta(hours=1), "OLD")]
    assert ids(pull()["incidents"]) == ["NEW", "OLD"]


def test_an_incident_that_is_gone_is_a_warning_not_an_error(account, pull) -> None:
    account.log_entries = [entry("L1", START, "GONE")]
    manifest = pull()["incidents"].manifest
    assert (manifest.rows, manifest.warnings) == (0, ["incident GONE is named by a log entry but is gone"])


def test_only_the_services_of_the_launch_are_pulled(account, pull) -> None:
    account.incidents = [incident("A", START), incident("B", START, "S2")]
    account.log_entries = [entry("L1", START, "A"), entry("L2", START, "B", "S2")]
    pulls = pull(services=["S1"])
    assert {stream: ids(pull) for stream, pull in pulls.items()} == {
        "log_entries": ["L1"],
        "incidents": ["A"],
        "notes": [],
        "services": ["S1"],
        "priorities": ["P1"],
        "escalation_policies": ["E1"],
        "schedules": ["D1"],
        "oncalls": [],
        "change_events": [],
    }


def test_notes_are_asked_for_only_where_a_log_entry_tells_of_one(account, pull, api) -> None:
    account.incidents = [incident("A", START), incident("B", START)]
    account.log_entries = [entry("L1", START, "A", type="trigger_log_entry"), entry("L2", START, "B", type="annotate_log_entry")]
    account.notes = {"A": [{"id": "N0"}], "B": [{"id": "N2", "content": "see https://wiki/1"}, {"id": "N1"}]}
    assert records(pull()["notes"]) == [
        {"id": "N2", "content": "see https://wiki/1", "incident": {"id": "B", "type": "incident_reference"}},
        {"id": "N1", "incident": {"id": "B", "type": "incident_reference"}},
    ]
    assert [request.path for request in api.requests if request.path.endswith("/notes")] == ["/incidents/B/notes"]


def test_notes_of_an_incident_that_is_gone_are_a_warning_on_their_own_manifest(account, pull) -> None:
    account.log_entries = [entry("L1", START, "GONE", type="annotate_log_entry")]
    pulls = pull()
    assert pulls["notes"].manifest.warnings == ["incident GONE is named by a log entry but is gone, with its notes"]
    assert pulls["services"].manifest.warnings == []


def test_duties_that_overlap_the_window_are_pulled_with_an_id_that_an_early_end_does_not_change(account, pull) -> None:
    week = dt.timedelta(days=7)
    account.oncalls = [
        duty("E1", START - week, START),
        duty("E1", START - dt.timedelta(days=3), START + dt.timedelta(days=4)),
        duty("E1", None, None, schedule=None),
        duty("E2", START, START + week),
    ]
    first = ids(pull(services=["S1"])["oncalls"])
    assert first == ["E1/1/D1/U1/2026-01-09T05:00:00+00:00", "E1/1/none/U1/always"]
    account.oncalls[1]["end"] = (START + dt.timedelta(hours=1)).isoformat()
    assert ids(pull(services=["S1"])["oncalls"]) == first


def test_a_launch_without_services_takes_the_duties_of_all(account, pull) -> None:
    account.oncalls = [duty("E1", None, None), duty("E2", None, None)]
    assert len(ids(pull()["oncalls"])) == 2


def test_a_launch_whose_services_are_gone_takes_no_duties(account, pull, api) -> None:
    account.oncalls = [duty("E1", None, None)]
    assert ids(pull(services=["S9"])["oncalls"]) == []
    assert [request for request in api.requests if request.path == "/oncalls"] == []


def test_change_events_of_our_services_are_pulled_and_those_that_name_none(account, pull) -> None:
    services = {"C1": [{"id": "S1"}], "C2": [{"id": "S2"}], "C3": [{"id": "S2"}, {"id": "S1"}], "C4": [], "C5": None}
    account.change_events = [{"id": name, "timestamp": START.isoformat(), "services": found} for name, found in services.items()]
    account.change_events.append({"id": "LATER", "timestamp": (START + dt.timedelta(days=1)).isoformat(), "services": [{"id": "S1"}]})
    assert ids(pull(services=["S1"])["change_events"]) == ["C1", "C3", "C4", "C5"]
    assert ids(pull()["change_events"]) == ["C1", "C2", "C3", "C4", "C5"]


OPTIONAL = ("notes", "priorities", "escalation_policies", "schedules", "oncalls", "change_events")


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("status", [402, 403, 404, 500])
def test_an_optional_stream_that_cannot_be_had_costs_itself_and_says_so(account, pull, api, answer, name: str, status: int) -> None:
    account.incidents, account.notes = [incident("I1", START)], {"I1": [{"id": "N1", "created_at": START.isoformat()}]}
    account.log_entries = [entry("L1", START, "I1", type="annotate_log_entry")]
    api.answer = lambda request: answer(b'{"error":{}}', status) if request.path.endswith(f"/{name}") else account.reply(request)
    pulls = pull()
    told = {each: found.manifest.warnings[0] for each, found in pulls.items() if found.manifest.warnings}
    assert (list(told), pulls[name].manifest.rows, pulls["incidents"].manifest.rows) == ([name], 0, 1)
    if (name, status) != ("notes", 404):  # that incident is gone: it is said so
        assert told[name].startswith(f"{name} were not pulled: pagerduty: http")
        assert f"answered {status}" in told[name]


@pytest.mark.parametrize("name", ["log_entries", "incidents", "services"])
def test_a_required_stream_that_is_forbidden_is_an_auth_error(account, pull, api, answer, name: str) -> None:
    api.answer = lambda request: answer(b'{"error":{}}', 403) if request.path == f"/{name}" else account.reply(request)
    with pytest.raises(SourceAuthError):
        pull()


def test_a_quiet_night_costs_eight_calls(account, pull, api, budget) -> None:
    pull()
    assert [request.path for request in api.requests] == [
        "/log_entries", "/incidents", "/services", "/priorities", "/escalation_policies", "/schedules", "/oncalls",
        "/change_events",
    ]  # fmt: skip
    assert budget.calls == 8


def test_every_attempt_is_taken_from_the_budget_and_a_told_wait_pauses_it(account, pull, api, answer, budget) -> None:
    rest = [answer(b"busy", 503), answer(b"busy", 429, headers={"ratelimit-reset": "0.01"})]
    api.answer = lambda request: rest.pop() if rest else account.reply(request)
    pull()
    assert (budget.calls, budget.pauses) == (10, [0.01])


def test_the_last_call_of_the_limit_pauses_the_budget_until_the_reset(account, pull, api, answer, budget) -> None:
    used_up = {"ratelimit-remaining": "0", "ratelimit-reset": "23"}

    def reply(request: Any) -> Any:
        found = account.reply(request)
        return answer(found.body, found.status, headers=used_up) if request.path == "/priorities" else found

    api.answer = reply
    pull()
    assert budget.pauses == [23.0]


def test_an_empty_page_in_the_middle_is_not_the_end(account, pull, api, answer) -> None:
    account.incidents = [incident(f"I{n}", START + dt.timedelta(seconds=n)) for n in range(250)]
    empty = [answer(json.dumps({"incidents": [], "more": True}).encode())]

    def reply(request: Any) -> Any:
        return empty.pop() if empty and request.path == "/incidents" and request.query["offset"] == "100" else account.reply(request)

    api.answer = reply
    assert len(set(ids(pull()["incidents"]))) == 250
    assert empty == []


def test_pages_that_stay_empty_are_an_error(account, pull, api, answer) -> None:
    nothing = answer(json.dumps({"services": [], "more": True}).encode())
    api.answer = lambda request: nothing if request.path == "/services" else account.reply(request)
    with pytest.raises(SourceError, match="/services stands still"):
        pull()


def test_pages_that_hold_less_than_was_counted_are_an_error(account, pull, api, answer, landing) -> None:
    account.incidents = [incident(f"I{n}", START) for n in range(5)]

    def reply(request: Any) -> Any:
        is_page = request.path == "/incidents" and "total" not in request.query
        return answer(json.dumps({"incidents": account.incidents[:4], "more": False}).encode()) if is_page else account.reply(request)

    api.answer = reply
    with pytest.raises(SourceError, match="it counts 5 records and gave 4"):
        pull()
    assert landing.newest("pagerduty", "shop", "incidents", Dates.of(FIRST)) is None


def test_a_collection_without_end_is_an_error(account, pull, api, answer) -> None:
    full = answer(json.dumps({"services": [{"id": "S1"}] * 100, "more": True}).encode())
    api.answer = lambda request: full if request.path == "/services" else account.reply(request)
    with pytest.raises(SourceError, match="/services is not complete: it has more than 10,000 records"):
        pull()


@pytest.mark.parametrize("services", [[], ["S1"]])
def test_what_is_no_record_is_landed_for_quarantine_and_breaks_no_page(account, pull, services) -> None:
    account.log_entries = [entry("L1", START, "A", type="annotate_log_entry")]
    account.incidents = [incident("A", START)]
    account.notes = {"A": ["odd"]}
    for records_of in (account.services, account.priorities, account.escalation_policies, account.schedules):
        records_of.append("odd")  # type: ignore[arg-type]
    pulls = pull(services=services)
    for name in ("notes", "services", "priorities", "escalation_policies", "schedules"):
        assert "odd" in records(pulls[name])


def test_numbers_keep_their_spelling(account, pull, api, answer) -> None:
    body = b'{"priorities":[{"id":"P1","big":123456789012345678901234567890,"fine":0.10000000000000000001}],"more":false}'
    api.answer = lambda request: answer(body) if request.path == "/priorities" else account.reply(request)
    line = next(iter(pull()["priorities"].batches())).lines[0]
    assert line == b'{"id":"P1","big":123456789012345678901234567890,"fine":0.10000000000000000001}'


def test_a_listing_that_does_not_say_how_much_it_has_is_an_error(pull, api, answer) -> None:
    api.script(answer(b'{"log_entries":[],"more":false,"total":null}'))
    with pytest.raises(SourceError, match="does not say how many records it has"):
        pull()


@pytest.fixture
def _shallow(account, monkeypatch) -> None:
    """The limit of 10,000 made a tenth on both sides, for the sake of time."""
    account.depth = 1000
    monkeypatch.setattr(pagerduty_client, "MOST_RECORDS", 1000)


@pytest.mark.usefixtures("_shallow")
def test_more_log_entries_than_the_api_pages_through_are_pulled_by_halving_the_window(account, pull) -> None:
    account.log_entries = [entry(f"L{n}", START + dt.timedelta(seconds=50 * n), "A") for n in range(1200)]
    account.incidents = [incident("A", START)]
    assert sorted(ids(pull()["log_entries"])) == sorted(each["id"] for each in account.log_entries)


@pytest.mark.usefixtures("_shallow")
def test_more_in_one_second_than_the_api_pages_through_is_an_error_not_a_loss(account, pull, landing) -> None:
    account.log_entries = [entry(f"L{n}", START, "A") for n in range(1001)]
    with pytest.raises(SourceError, match=r"the second from 2026-01-12T05:00:00\+00:00 holds 1,001 records"):
        pull()
    assert landing.newest("pagerduty", "shop", "log_entries", Dates.of(FIRST)) is None


@pytest.mark.usefixtures("_shallow")
def test_windows_are_halved_at_whole_seconds(account, pull, api) -> None:
    account.incidents = [incident(f"I{n}", START + dt.timedelta(seconds=7 + n // 1000)) for n in range(3000)]
    assert sorted(ids(pull()["incidents"])) == sorted(each["id"] for each in account.incidents)
    edges = {request.query[name] for request in api.requests if request.path == "/incidents" for name in ("since", "until")}
    assert all(_read(edge).microsecond == 0 for edge in edges)


def test_a_window_of_a_year_is_cut_into_windows_that_the_api_takes(account, pull) -> None:
    account.incidents = [incident(f"I{n}", START - dt.timedelta(days=n)) for n in range(0, 360, 30)]
    assert len(ids(pull(FIRST - dt.timedelta(days=364), FIRST)["incidents"])) == 12


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_api_is_asked_again(account, pull, api, answer, status: int) -> None:
    rest = [answer(b"busy", status)]
    api.answer = lambda request: rest.pop() if rest else account.reply(request)
    assert pull()["services"].manifest.rows == 2


def test_the_wait_that_a_429_asks_for_is_waited(account, pull, api, answer) -> None:
    rest = [answer(b"busy", 429, headers={"ratelimit-reset": "1"})]
    api.answer = lambda request: rest.pop() if rest else account.reply(request)
    began = time.monotonic()
    pull()
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("status", [429, 500])
def test_an_api_that_stays_busy_is_an_error(pull, api, answer, status: int) -> None:
    api.script(answer(b'{"error":{"message":"no"}}', status))
    with pytest.raises(SourceError, match=f"/log_entries answered {status}"):
        pull()
    assert len(api.requests) == 3


def test_refused_credentials_fail_at_once_and_show_nothing_of_the_token(pull, api, answer, caplog) -> None:
    api.script(answer(b'{"error":{"message":"Unauthorized"}}', 401))
    with pytest.raises(SourceAuthError, match="AIRFLOW_CONN_POSTLAUNCH_SOURCE") as caught:
        pull()
    assert len(api.requests) == 1
    assert "tell" not in str(caught.value) + caplog.text  # the client itself shows the last four characters


def test_html_is_no_answer(pull, api, answer) -> None:
    api.script(answer(b"<html>proxy</html>"))
    with pytest.raises(SourceError, match="did not answer with JSON but with '<html>proxy"):
        pull()


def test_a_cut_answer_is_an_error(pull, api, answer) -> None:
    api.script(answer(b'{"log_entries":[]}', cut=5))
    with pytest.raises(SourceError, match="no answer from"):
        pull()


def test_every_stream_of_the_simulator_is_what_its_story_tells(apis, sandbox_launches, landing, budget) -> None:
    launch = load_launch(sandbox_launches, "emr-platform")
    first, last, now = PLAN.date_of(-9), PLAN.date_of(90), CLOCK.timestamp()
    httpx.delete(f"{apis}/_sandbox/requests")
    pulls = {
        pull.manifest.stream: records(pull)
        for pull in extract(launch, get_connection(launch.pagerduty.connection), Dates(first, last), landing, silent, budget)
    }
    ours = [each for each in story.incidents(PLAN, 90) if each.trouble.service in launch.pagerduty.services]
    assert {each["id"] for each in pulls["incidents"]} == {each.id for each in ours}
    assert len(pulls["log_entries"]) == sum(len(each.until(now)) for each in ours)
    told = {note["id"]: (each.id, note["content"]) for each in ours for note in story.note_records(each, now)}
    assert told
    assert {note["id"]: (note["incident"]["id"], note["content"]) for note in pulls["notes"]} == told
    assert pulls["escalation_policies"] == duties.escalation_policies(story.SERVICES)
    assert pulls["schedules"] == duties.schedules()
    assert [each["id"] for each in pulls["priorities"]] == list(story.PRIORITIES.values())
    start, end = (moment.timestamp() for moment in launch.window(Dates(first, last)))
    weeks = {(each["start"], each["user"]["id"], each["escalation_level"]) for each in duties.oncalls(PLAN, start, end)}
    assert {(each["start"], each["user"]["id"], each["escalation_level"]) for each in pulls["oncalls"]} == weeks
    assert pulls["change_events"] == [
        each for each in deployments.change_event_records(PLAN, now) if each["services"][0]["id"] in launch.pagerduty.services
    ]
    assert budget.calls == httpx.get(f"{apis}/_sandbox/requests").json()["pagerduty"]


def test_a_quiet_night_of_the_simulator_costs_ten_calls(apis, sandbox_launches, landing, budget) -> None:
    launch = load_launch(sandbox_launches, "emr-platform")
    quiet = PLAN.date_of(2)
    extract(launch, get_connection(launch.pagerduty.connection), Dates.of(quiet), landing, silent, budget)
    assert budget.calls == 10
