from __future__ import annotations

import datetime as dt
import functools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.sources.landing import Pull
from postlaunch.sources.pagerduty import extract

FIRST = dt.date(2026, 1, 12)
START = dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC)


def silent(*_: object) -> None:
    pass


def incident(number: str, created: dt.datetime, service: str = "S1") -> dict[str, Any]:
    return {"id": number, "created_at": created.isoformat(), "updated_at": created.isoformat(), "service": {"id": service}}


def entry(number: str, created: dt.datetime, incident_id: str, service: str = "S1") -> dict[str, Any]:
    return {"id": number, "created_at": created.isoformat(), "incident": {"id": incident_id}, "service": {"id": service}}


_read = functools.cache(dt.datetime.fromisoformat)


class Account:
    """A PagerDuty account with its paging rules: total, offset, more, at most `depth` records deep (really 10,000)."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.depth = 10_000
        self.log_entries: list[dict[str, Any]] = []
        self.incidents: list[dict[str, Any]] = []
        self.old_incidents: list[dict[str, Any]] = []
        self.services = [{"id": "S1", "name": "API"}, {"id": "S2", "name": "Billing"}]

    def reply(self, request: Any) -> Any:
        _, name, *rest = request.path.split("/")
        if rest:
            found = [each for each in [*self.incidents, *self.old_incidents] if each["id"] == rest[0]]
            return self._answer(json.dumps({"incident": found[0]}).encode()) if found else self._answer(b'{"error":{}}', 404)
        records = [each for each in getattr(self, name) if self._is_in(each, request.query)]
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
        return since <= _read(record["created_at"]) < until


@pytest.fixture
def account(api, answer) -> Account:
    account = Account(answer)
    api.answer = account.reply
    return account


@pytest.fixture
def pull(make_launch, connection, landing) -> Callable[..., dict[str, Pull]]:
    def run(first: dt.date = FIRST, last: dt.date = FIRST, **section: Any) -> dict[str, Pull]:
        pulls = extract(make_launch(pagerduty=section), connection, first, last, landing, silent)
        return {pull.manifest.stream: pull for pull in pulls}

    return run


def ids(pull: Pull) -> list[str]:
    return [json.loads(line)["id"] for batch in pull.batches() for line in batch.lines]


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
    assert {stream: ids(pull) for stream, pull in pulls.items()} == {"log_entries": ["L1"], "incidents": ["A"], "services": ["S1"]}


@pytest.fixture
def _shallow(account, monkeypatch) -> None:
    """The limit of 10,000 made a tenth on both sides, for the sake of time."""
    account.depth = 1000
    for module in ("rest_api_v2_base_client", "rest_api_v2_client"):
        monkeypatch.setattr(f"pagerduty.{module}.ITERATION_LIMIT", 1000)


@pytest.mark.usefixtures("_shallow")
def test_more_log_entries_than_the_api_pages_through_are_pulled_by_halving_the_window(account, pull) -> None:
    account.log_entries = [entry(f"L{n}", START + dt.timedelta(seconds=50 * n), "A") for n in range(1200)]
    account.incidents = [incident("A", START)]
    assert sorted(ids(pull()["log_entries"])) == sorted(each["id"] for each in account.log_entries)


@pytest.mark.usefixtures("_shallow")
def test_more_in_one_second_than_the_api_pages_through_is_an_error_not_a_loss(account, pull, landing) -> None:
    account.log_entries = [entry(f"L{n}", START, "A") for n in range(1001)]
    with pytest.raises(SourceError, match="is not complete"):
        pull()
    assert landing.newest("pagerduty", "shop", "log_entries", (FIRST, FIRST)) is None


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
