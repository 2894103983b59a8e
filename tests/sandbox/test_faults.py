"""The simulated APIs go wrong as they are told to: read byte by byte from the socket, as no HTTP client would show it."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import gzip
import itertools
import json
import socket
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from sandbox.apis import Limits, create_app, credentials, faults
from sandbox.apis.fault_pages import PAGE
from sandbox.apis.faults import FAULTS, Fault, FaultError
from sandbox.apis.server import running_server
from tests.conftest import CLOCK, LAUNCH_DATE

FIRST = dt.datetime(2026, 4, 5, tzinfo=dt.UTC)
EXPORT = "/api/2.0/export?project_id=1001&from_date=2026-01-12&to_date=2026-01-12"
TICKETS = f"/api/v2/incremental/tickets/cursor.json?start_time={int(FIRST.timestamp())}"
ENTRIES = "/log_entries?since=2026-03-01T00:00:00Z&until=2026-03-31T00:00:00Z&limit=100"
RANGE = f"/api/v1/query_range?query=up&step=300&start={int(FIRST.timestamp())}&end={int(FIRST.timestamp()) + 3000}"
PATHS = {"mixpanel": EXPORT, "zendesk": TICKETS, "pagerduty": ENTRIES, "prometheus": RANGE}


@dataclass(frozen=True)
class Wire:
    """What came over one connection until it ended."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_reset: bool
    seconds: float


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    app = create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none())
    with running_server(app) as url:
        yield app, url


@pytest.fixture
def url(served: tuple[FastAPI, str]) -> Iterator[str]:
    served[0].state.faults.clear()
    yield served[1]
    served[0].state.faults.clear()


def authorization(api: str) -> str:
    logins = {
        "mixpanel": f"{credentials.MIXPANEL_USER}:{credentials.MIXPANEL_SECRET}",
        "zendesk": f"{credentials.ZENDESK_EMAIL}/token:{credentials.ZENDESK_TOKEN}",
    }
    if api == "pagerduty":
        return f"Token token={credentials.PAGERDUTY_TOKEN}"
    return f"Basic {base64.b64encode(logins.get(api, 'x:y').encode()).decode()}"


def read(url: str, api: str, path: str | None = None, accept_encoding: str = "identity") -> Wire:
    """One GET over a connection of its own."""
    place = urlsplit(url)
    began, received, is_reset = time.monotonic(), b"", False
    with socket.create_connection((str(place.hostname), place.port or 80), timeout=10) as wire:
        lines = [f"GET {path or PATHS[api]} HTTP/1.1", "Host: sandbox", f"Authorization: {authorization(api)}"]
        wire.sendall("\r\n".join([*lines, f"Accept-Encoding: {accept_encoding}", "Connection: close", "", ""]).encode())
        try:
            while block := wire.recv(65536):
                received += block
        except ConnectionResetError:
            is_reset = True
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Wire(int(status.split()[1]), headers, body, is_reset, time.monotonic() - began)


def put(url: str, api: str, fault: str, **more: Any) -> None:
    httpx.put(f"{url}/_sandbox/faults", json={"api": api, "fault": fault, **more}).raise_for_status()


def dechunked(body: bytes) -> bytes:
    """What a chunked body holds, as far as it goes."""
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size or "0", 16):
            return whole
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]


def healthy(url: str, api: str, path: str | None = None) -> bytes:
    wire = read(url, api, path)
    assert wire.status == 200
    return dechunked(wire.body) if "transfer-encoding" in wire.headers else wire.body


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_refusal_has_its_status_and_no_wait(url: str, api: str, status: int) -> None:
    put(url, api, str(status))
    wire = read(url, api)
    assert wire.status == status
    assert not {"retry-after", "ratelimit-reset"} & wire.headers.keys()
    assert len(wire.body) == int(wire.headers["content-length"])


@pytest.mark.parametrize("api", PATHS)
def test_a_limit_says_how_long_to_wait(url: str, api: str) -> None:
    put(url, api, "429-retry-after")
    wire = read(url, api)
    assert wire.headers["ratelimit-reset" if api == "pagerduty" else "retry-after"] == "1"


def test_a_clock_ahead_tells_the_wait_as_its_own_time(url: str) -> None:
    put(url, "mixpanel", "429-clock-ahead")
    said = read(url, "mixpanel").headers
    told, until = (parsedate_to_datetime(said[name]) for name in ("date", "retry-after"))
    assert until - told == dt.timedelta(seconds=1)
    assert told - dt.datetime.now(dt.UTC) > dt.timedelta(hours=1, minutes=59)


@pytest.mark.parametrize("api", PATHS)
def test_a_clock_ahead_shows_in_a_whole_answer(url: str, api: str) -> None:
    whole = healthy(url, api)
    put(url, api, "clock-ahead")
    wire = read(url, api)
    assert wire.body == whole
    assert parsedate_to_datetime(wire.headers["date"]) - dt.datetime.now(dt.UTC) > dt.timedelta(hours=1, minutes=59)


@pytest.mark.parametrize("api", PATHS)
def test_a_reset_breaks_the_connection_half_way(url: str, api: str) -> None:
    whole = healthy(url, api)
    put(url, api, "reset")
    wire = read(url, api)
    assert wire.is_reset
    assert int(wire.headers["content-length"]) == len(whole)
    assert whole.startswith(wire.body)
    assert len(wire.body) <= len(whole) // 2


@pytest.mark.parametrize("api", PATHS)
def test_a_drip_takes_its_time_and_is_whole(url: str, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = healthy(url, api)
    monkeypatch.setattr(faults, "DRIP_SECONDS", 0.3)
    put(url, api, "slow-drip")
    wire = read(url, api)
    assert wire.body == whole
    assert wire.seconds > 0.25
    assert not wire.is_reset


@pytest.mark.parametrize("api", PATHS)
def test_a_short_answer_ends_before_its_length(url: str, api: str) -> None:
    whole = healthy(url, api)
    put(url, api, "short-length")
    wire = read(url, api)
    assert not wire.is_reset
    assert int(wire.headers["content-length"]) == len(whole)
    assert wire.body == whole[: len(whole) // 2]


@pytest.mark.parametrize("api", PATHS)
def test_the_last_chunk_never_comes(url: str, api: str) -> None:
    whole = healthy(url, api)
    put(url, api, "broken-chunk")
    wire = read(url, api)
    assert wire.headers["transfer-encoding"] == "chunked"
    assert not wire.is_reset
    assert not wire.body.endswith(b"0\r\n\r\n")
    assert whole.startswith(dechunked(wire.body))
    assert 0.4 < len(dechunked(wire.body)) / len(whole) < 0.6


def test_a_silent_close_ends_on_the_end_of_a_line_and_nothing_tells_it(url: str) -> None:
    whole = healthy(url, "mixpanel")
    put(url, "mixpanel", "silent-close")
    wire = read(url, "mixpanel", accept_encoding="gzip")
    assert not {"content-length", "transfer-encoding", "content-encoding"} & wire.headers.keys()
    assert not wire.is_reset
    assert whole.startswith(wire.body)
    assert wire.body.endswith(b"}\n")
    assert 0.3 < len(wire.body) / len(whole) <= 0.5


@pytest.mark.parametrize("api", ["zendesk", "pagerduty", "prometheus"])
def test_a_silent_close_cuts_json_in_half(url: str, api: str) -> None:
    whole = healthy(url, api)
    put(url, api, "silent-close")
    wire = read(url, api)
    assert wire.body == whole[: len(whole) // 2]
    assert not {"content-length", "transfer-encoding"} & wire.headers.keys()


@pytest.mark.parametrize("fault", ["terminated-early", "short-length", "broken-chunk"])
def test_gzip_stays_gzip(url: str, fault: str) -> None:
    whole = healthy(url, "mixpanel")
    put(url, "mixpanel", fault)
    wire = read(url, "mixpanel", accept_encoding="gzip")
    assert wire.headers["content-encoding"] == "gzip"
    if fault == "terminated-early":
        lines = gzip.decompress(wire.body).splitlines(keepends=True)
        assert lines[-1] == b"export terminated early\n"
        assert whole.startswith(b"".join(lines[:-1]))
    elif fault == "short-length":
        assert whole.startswith(zlib.decompressobj(wbits=31).decompress(wire.body))


@pytest.mark.parametrize("api", PATHS)
def test_a_login_page_comes_instead_of_data(url: str, api: str) -> None:
    put(url, api, "not-json")
    wire = read(url, api)
    assert (wire.status, wire.headers["content-type"]) == (200, "text/html")
    assert b"Sign in" in wire.body


def records(api: str, body: bytes) -> list[Any]:
    if api == "mixpanel":
        return body.splitlines()
    document = json.loads(body)
    found: list[Any] = document["data"]["result"] if api == "prometheus" else document["tickets" if api == "zendesk" else "log_entries"]
    return found


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("fault", ["malformed", "without-id", "bad-time", "future-records"])
def test_what_is_broken_stands_beside_the_true_records(url: str, api: str, fault: str) -> None:
    true = records(api, healthy(url, api))
    put(url, api, fault)
    told = records(api, read(url, api).body)
    if api == "prometheus" and fault in ("bad-time", "future-records"):
        assert [len(series["values"]) for series in told] == [len(true[0]["values"]) + 1, *(len(series["values"]) for series in true[1:])]
        told[0]["values"].pop()
        assert told == true
    else:
        middle = len(true) // 2
        assert told[:middle] + told[middle + 1 :] == true
        assert told[middle] not in true


@pytest.mark.parametrize("api", PATHS)
def test_records_come_twice(url: str, api: str) -> None:
    true = records(api, healthy(url, api))
    put(url, api, "repeated-records")
    assert records(api, read(url, api).body) == true + true


def fields(api: str, record: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record)["properties"] if api == "mixpanel" else record
    return found


@pytest.mark.parametrize("api", PATHS)
def test_the_schema_changes_in_every_record(url: str, api: str) -> None:
    name = {"mixpanel": "site", "zendesk": "subject", "pagerduty": "summary", "prometheus": "values"}[api]
    true = [fields(api, record) for record in records(api, healthy(url, api))]

    def told(fault: str) -> list[dict[str, Any]]:
        put(url, api, fault)
        return [fields(api, record) for record in records(api, read(url, api).body)]

    assert told("new-field") == [{**each, "sandbox_field": {"nested": [1, "two"]}} for each in true]
    assert told("missing-field") == [{key: value for key, value in each.items() if key != name} for each in true]
    if api == "prometheus":
        assert told("changed-type") == [{**each, "values": [[at, float(value)] for at, value in each["values"]]} for each in true]
    else:
        assert told("changed-type") == [{**each, name: [each[name]]} if name in each else each for each in true]


def ticket_pages(url: str) -> Iterator[list[int]]:
    path = TICKETS
    while True:
        page = json.loads(read(url, "zendesk", path).body)
        yield [ticket["id"] for ticket in page["tickets"]]
        if page["end_of_stream"]:
            return
        path = f"{path.split('?')[0]}?{urlencode({'cursor': page['after_cursor']})}"


def entry_pages(url: str, *, is_going_back: bool) -> Iterator[list[str]]:
    """Pages as PagerDuty's client turns them: on by as many as came; or by a page, whatever came."""
    offset = 0
    while True:
        page = json.loads(read(url, "pagerduty", f"{ENTRIES}&offset={offset}").body)
        assert page["offset"] == offset
        yield [entry["id"] for entry in page["log_entries"]]
        if not page["more"]:
            return
        offset += len(page["log_entries"]) if is_going_back else page["limit"]


def test_an_empty_page_in_the_middle_hides_no_ticket(url: str) -> None:
    true = records("zendesk", healthy(url, "zendesk"))
    put(url, "zendesk", "empty-page")
    for _ in range(2):  # and again for the next who asks
        pages = list(ticket_pages(url))
        assert [len(page) for page in pages[:4]] == [PAGE, 0, 0, PAGE]  # the simulator has an empty page of its own
        assert [ticket for page in pages for ticket in page] == [ticket["id"] for ticket in true]


@pytest.mark.parametrize("is_going_back", [True, False])
def test_an_empty_page_in_the_middle_hides_no_log_entry(url: str, is_going_back: bool) -> None:
    true = records("pagerduty", healthy(url, "pagerduty"))
    put(url, "pagerduty", "empty-page")
    pages = list(entry_pages(url, is_going_back=is_going_back))
    assert [len(page) for page in pages[:3]] == [PAGE, 0, PAGE]
    assert [entry for page in pages for entry in page] == [entry["id"] for entry in true]


def test_a_stuck_cursor_tells_the_first_page_for_ever(url: str) -> None:
    put(url, "zendesk", "stuck-cursor")
    pages = ticket_pages(url)
    first = next(pages)
    assert len(first) == PAGE
    assert [next(pages) for _ in range(4)] == [first] * 4
    put(url, "pagerduty", "stuck-cursor")
    told = [json.loads(read(url, "pagerduty", f"{ENTRIES}&offset={offset}").body) for offset in (0, 8, 16, 800)]
    assert [page["log_entries"] for page in told] == [told[0]["log_entries"]] * 4
    assert all(page["more"] for page in told)


def test_a_stuck_export_tells_the_days_before(url: str) -> None:
    before = healthy(url, "mixpanel", EXPORT.replace("01-12", "01-11"))
    put(url, "mixpanel", "stuck-cursor")
    assert read(url, "mixpanel").body == before != b""


def test_a_stuck_range_tells_its_first_chunk_for_ever(url: str) -> None:
    put(url, "prometheus", "stuck-cursor")
    first = read(url, "prometheus").body
    later = RANGE.replace(f"start={int(FIRST.timestamp())}", f"start={int(FIRST.timestamp()) + 1500}")
    assert read(url, "prometheus", later).body == first
    by_post = httpx.post(f"{url}/api/v1/query_range", data=dict(pair.split("=") for pair in later.split("?")[1].split("&")))
    assert by_post.content == first


def test_pages_overlap_and_hide_nothing(url: str) -> None:
    tickets, entries = ([each["id"] for each in records(api, healthy(url, api))] for api in ("zendesk", "pagerduty"))
    put(url, "zendesk", "overlapping-pages")
    put_pages = list(ticket_pages(url))
    put(url, "pagerduty", "overlapping-pages")
    for true, pages in ((tickets, put_pages), (entries, list(entry_pages(url, is_going_back=True)))):
        assert all(page[:2] == before[-2:] for before, page in itertools.pairwise(filter(None, pages)))
        assert list(dict.fromkeys(each for page in pages for each in page)) == true


def test_a_range_begins_two_steps_early_from_its_second_chunk_on(url: str) -> None:
    start = int(FIRST.timestamp())
    put(url, "prometheus", "overlapping-pages")
    paths = [RANGE.replace(f"start={start}", f"start={start + shift}") for shift in (0, 1500)]
    assert [records("prometheus", read(url, "prometheus", path).body)[0]["values"][0][0] for path in paths] == [start, start + 900]


def test_empty_lines_stand_between_events(url: str) -> None:
    true = healthy(url, "mixpanel")
    put(url, "mixpanel", "empty-page")
    assert read(url, "mixpanel").body == true.replace(b"\n", b"\n\n")


def test_a_fault_strikes_as_often_as_told_from_the_request_on_that_is_told(url: str) -> None:
    put(url, "zendesk", "500", times=2, from_request=2, path="/tickets")
    read(url, "zendesk", "/api/v2/satisfaction_ratings")
    assert [read(url, "zendesk").status for _ in range(5)] == [200, 500, 500, 200, 200]
    (active,) = httpx.get(f"{url}/_sandbox/faults").json()["active"]
    assert (active["seen"], active["struck"]) == (5, 2)
    assert read(url, "pagerduty").status == 200


def test_faults_of_a_list_follow_one_another(url: str, served: tuple[FastAPI, str]) -> None:
    served[0].state.faults.put([Fault("mixpanel", "500", times=1), Fault("mixpanel", "403", times=1), Fault("prometheus", "401")])
    assert [read(url, "mixpanel", f"/mixpanel{EXPORT}").status for _ in range(3)] == [500, 403, 200]
    assert read(url, "prometheus").status == 401
    httpx.delete(f"{url}/_sandbox/faults").raise_for_status()
    assert read(url, "prometheus").status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"api": "zendesk", "fault": "locusts"}, "no fault 'locusts'; known are 401, 403, 429, "),
        ({"api": "jira", "fault": "500"}, "no api 'jira'; known are mixpanel, zendesk, pagerduty, prometheus"),
        ({"api": "zendesk", "fault": "500", "times": 0}, "`times` must be a whole number of at least 1, found 0"),
        ({"api": "zendesk", "fault": "500", "often": 2}, "a fault is an object with api, fault"),
        ("500", "a fault is an object with api, fault"),
    ],
)
def test_an_unknown_fault_is_refused_and_leaves_what_was_on(url: str, body: Any, message: str) -> None:
    put(url, "zendesk", "500")
    response = httpx.put(f"{url}/_sandbox/faults", json=body)
    assert (response.status_code, response.json()["error"].startswith(message)) == (400, True)
    assert read(url, "zendesk").status == 500


def test_every_name_is_known_and_in_the_page_for_people(url: str) -> None:
    assert httpx.get(f"{url}/_sandbox/faults").json()["known"] == list(FAULTS)
    assert [name for name in FAULTS if name not in str(faults.__doc__)] == []
    with pytest.raises(FaultError):
        Fault("zendesk", "")


def test_the_server_goes_on_after_every_fault(url: str) -> None:
    true = healthy(url, "zendesk")
    for name in FAULTS:
        put(url, "zendesk", name, times=1)
        with contextlib.suppress(ConnectionError):
            read(url, "zendesk")
        assert healthy(url, "zendesk") == true
