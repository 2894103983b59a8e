from __future__ import annotations

import base64
import datetime as dt
import errno
import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, LandingError, SourceAuthError, SourceError
from postlaunch.landing import writer as landing_writer
from postlaunch.landing.zone import Landing, Manifest, Pull, write_manifest
from postlaunch.sources.mixpanel.extract import extract

NEW_YORK_MIDNIGHT = 5 * 3600  # UTC hours after midnight, in winter
FIRST = dt.date(2026, 1, 12)


def silent(*_: object) -> None:
    pass


def event(time: int | dt.datetime, **properties: Any) -> bytes:
    seconds = time if isinstance(time, int) else int(time.timestamp())
    return json.dumps({"event": "Logged In", "properties": {"time": seconds, "distinct_id": "u1", **properties}}).encode()


def body(*lines: bytes) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.fixture
def pull(make_launch: Callable[..., Launch], connection: Connection, landing: Landing) -> Callable[..., list[Pull]]:
    def run(first: dt.date = FIRST, last: dt.date = FIRST, **section: Any) -> list[Pull]:
        launch = make_launch(mixpanel={"project_id": 1001, **section})
        return extract(launch, connection, Dates(first, last), landing, silent)

    return run


def landed(pulls: list[Pull]) -> dict[str, list[bytes]]:
    return {pull.manifest.partition: [line for batch in pull.batches() for line in batch.lines] for pull in pulls}


def test_lines_go_to_their_launch_local_date_and_others_are_dropped(api, answer, pull) -> None:
    before, first, last, after = (
        event(at(text)) for text in ("2026-01-12T04:59:59", "2026-01-12T05:00:00", "2026-01-13T04:59:59", "2026-01-13T05:00:00")
    )
    api.script(answer.zipped(body(after, first, before, last)))
    assert landed(pull()) == {"2026-01-12": [first, last]}


def test_the_source_days_that_cover_the_window_are_asked_for(api, answer, pull) -> None:
    api.script(answer.zipped(b""))
    pull(FIRST, FIRST + dt.timedelta(days=1))
    asked = api.requests[0]
    assert asked.path == "/api/2.0/export"
    assert (asked.query["from_date"], asked.query["to_date"], asked.query["project_id"]) == ("2026-01-12", "2026-01-14", "1001")
    assert base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")) == b"robot@example.com:s3cret-do-not-tell"


def test_a_date_without_events_is_landed_as_quiet(api, answer, pull) -> None:
    api.script(answer.zipped(body(event(at("2026-01-13T12:00:00")))))
    assert landed(pull(FIRST, FIRST + dt.timedelta(days=2))) == {
        "2026-01-12": [],
        "2026-01-13": [event(at("2026-01-13T12:00:00"))],
        "2026-01-14": [],
    }


def test_a_project_in_local_time_is_asked_and_read_in_its_own_zone(api, answer, pull) -> None:
    late = event(int(at("2026-01-12T23:30:00").timestamp()))  # wall clock of New York
    api.script(answer.zipped(body(late)))
    assert landed(pull(timezone="America/New_York")) == {"2026-01-12": [late]}
    assert (api.requests[0].query["from_date"], api.requests[0].query["to_date"]) == ("2026-01-12", "2026-01-12")


def test_a_long_window_is_asked_in_calls_of_31_days_and_no_event_is_lost_or_doubled_at_the_seam(api, answer, pull) -> None:
    start = at("2026-01-12T05:00:00")
    story = [event(start + dt.timedelta(hours=6 * number)) for number in range(70 * 4)]

    def days(request: Any) -> Any:
        low, high = at(request.query["from_date"]), at(request.query["to_date"]) + dt.timedelta(days=1)
        times = [json.loads(line)["properties"]["time"] for line in story]
        return answer.zipped(body(*(line for line, time in zip(story, times, strict=True) if low.timestamp() <= time < high.timestamp())))

    api.answer = days
    found = landed(pull(FIRST, FIRST + dt.timedelta(days=69)))
    assert [request.query["from_date"] for request in api.requests] == ["2026-01-12", "2026-02-12", "2026-03-15"]
    assert sorted(line for lines in found.values() for line in lines) == sorted(story)
    assert {len(lines) for date, lines in found.items() if date != "2026-03-08"} == {4}


def test_a_day_after_the_projects_today_is_never_asked_for(api, answer, pull) -> None:
    api.script(answer.zipped(b""))
    today = dt.datetime.now(dt.UTC).date()
    local = dt.datetime.now(dt.timezone(dt.timedelta(hours=-5))).date()
    pull(local, local)
    assert api.requests[0].query["to_date"] <= today.isoformat()


def test_a_window_in_the_future_is_refused_without_a_call(api, pull) -> None:
    future = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=3)
    with pytest.raises(ConfigError, match="has not begun yet in America/New_York"):
        pull(FIRST, future)
    assert api.requests == []


STRAYS = [b"{broken", b'{"event":"x"}', event(at("2026-03-01T00:00:00"))]


def test_lines_that_cannot_be_placed_are_landed_with_the_line_before_them_for_the_loader_to_refuse(api, answer, pull) -> None:
    monday, tuesday = event(at("2026-01-12T12:00:00")), event(at("2026-01-13T12:00:00"))
    api.script(answer.zipped(body(monday, STRAYS[0], tuesday, *STRAYS[1:], monday)))
    assert landed(pull(FIRST, FIRST + dt.timedelta(days=1))) == {
        "2026-01-12": [monday, STRAYS[0], monday],
        "2026-01-13": [tuesday, *STRAYS[1:]],
    }


def test_lines_at_the_start_that_cannot_be_placed_are_landed_with_the_line_behind_them(api, answer, pull) -> None:
    right = event(at("2026-01-13T12:00:00"))
    api.script(answer.zipped(body(*STRAYS, right)))
    assert landed(pull(FIRST, FIRST + dt.timedelta(days=1))) == {"2026-01-12": [], "2026-01-13": [*STRAYS, right]}


def test_where_no_line_can_be_placed_the_first_date_has_them(api, answer, pull) -> None:
    api.script(answer.zipped(body(*STRAYS[:2])))
    assert landed(pull(FIRST, FIRST + dt.timedelta(days=1))) == {"2026-01-12": STRAYS[:2], "2026-01-13": []}


@pytest.mark.parametrize("windows", [[(0, 3)], [(0, 0), (1, 1), (2, 2), (3, 3)], [(0, 1), (1, 3)], [(2, 3), (0, 2)]])
def test_what_cannot_be_placed_is_on_one_date_however_the_days_are_pulled(api, answer, pull, windows: list[tuple[int, int]]) -> None:
    story = [
        (day, line)
        for day in range(5)
        for hour in range(0, 24, 6)
        for line in (event(at("2026-01-12T00:00:00") + dt.timedelta(days=day, hours=hour)), b'{"n":%d}' % (100 * day + hour))
    ]

    def days(request: Any) -> Any:
        low, high = ((dt.date.fromisoformat(request.query[name]) - FIRST).days for name in ("from_date", "to_date"))
        return answer.zipped(body(*(line for day, line in story if low <= day <= high)))

    api.answer = days
    found: dict[str, list[bytes]] = {}
    for first, last in windows:
        found |= landed(pull(FIRST + dt.timedelta(days=first), FIRST + dt.timedelta(days=last)))
    placed = [(date, line) for date, lines in found.items() for line in lines if b'"n"' in line]
    expected = [
        (str((at("2026-01-12T00:00:00") + dt.timedelta(days=day, hours=hour - 5)).date()), b'{"n":%d}' % (100 * day + hour))
        for day in range(5)
        for hour in range(0, 24, 6)
    ]  # New York is five hours behind
    assert sorted(placed) == sorted((date, line) for date, line in expected if date in found)


def test_an_answer_of_other_days_is_refused(api, answer, pull, landing) -> None:
    api.script(answer.zipped(body(event(at("2026-01-02T00:00:00")), event(at("2026-01-03T00:00:00")))))
    with pytest.raises(SourceError, match="answers with other days than 2026-01-12..2026-01-13"):
        pull(FIRST, FIRST)
    assert not list(landing.folder("mixpanel", "shop", "events").glob("**/*.gz"))


WHOLE = body(*(event(at("2026-01-12T12:00:00"), number=number) for number in range(500)))
CUTS = {
    "content length": lambda answer: answer(WHOLE, cut=len(WHOLE) // 2),
    "content length, on a line's end": lambda answer: answer(WHOLE, cut=WHOLE.index(b"\n") + 1),
    "chunks": lambda answer: answer(WHOLE, framing="chunked", cut=len(WHOLE) // 2),
    "chunks, on a line's end": lambda answer: answer(WHOLE, framing="chunked", cut=WHOLE.index(b"\n") + 1),
    "gzip": lambda answer: answer.zipped(WHOLE, framing="close", cut=1000),
    "gzip, whole but for its trailer": lambda answer: answer.zipped(WHOLE, framing="close", cut=len(gzip.compress(WHOLE)) - 8),
    "gzip, wrong bytes": lambda answer: answer(gzip.compress(WHOLE)[:-8] + b"12345678", headers={"Content-Encoding": "gzip"}),
    "sentinel": lambda answer: answer.zipped(WHOLE + b"export terminated early\n"),
    "sentinel without newline": lambda answer: answer.zipped(WHOLE + b"export terminated early"),
    "last line": lambda answer: answer.zipped(WHOLE[:-1]),
    "half a line": lambda answer: answer.zipped(WHOLE[:-20]),
    "neither length nor chunks nor gzip": lambda answer: answer(WHOLE, framing="close"),
}


@pytest.mark.parametrize("cut", CUTS)
def test_an_incomplete_answer_is_thrown_away_and_asked_for_again(api, answer, pull, cut: str) -> None:
    api.script(CUTS[cut](answer), answer.zipped(WHOLE))
    assert len(landed(pull())["2026-01-12"]) == 500
    assert len(api.requests) == 2


@pytest.mark.parametrize("cut", CUTS)
def test_an_answer_that_is_never_complete_lands_nothing(api, answer, pull, landing, cut: str) -> None:
    api.script(CUTS[cut](answer))
    with pytest.raises(SourceError, match="is not complete"):
        pull()
    assert landing.newest("mixpanel", "shop", "events", FIRST) is None
    assert len(api.requests) == 3


def test_a_failed_second_call_keeps_the_dates_of_the_first_and_no_other(api, answer, pull, landing) -> None:
    api.answer = lambda request: answer.zipped(b"" if request.query["from_date"] == "2026-01-12" else b"half a line")
    with pytest.raises(SourceError, match="is not complete"):
        pull(FIRST, FIRST + dt.timedelta(days=40))
    assert landing.newest("mixpanel", "shop", "events", dt.date(2026, 2, 10)) is not None
    assert landing.newest("mixpanel", "shop", "events", dt.date(2026, 2, 11)) is None  # its last five hours lie in the second call


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_manifest_that_fails_leaves_the_dates_before_it_whole(
    api, answer, pull, landing, monkeypatch, is_written: bool, error: BaseException
) -> None:
    written: list[UPath] = []

    def second_fails(folder: UPath, manifest: Manifest) -> None:
        written.append(folder)
        if len(written) != 2 or is_written:
            write_manifest(folder, manifest)
        if len(written) == 2:
            raise error

    monkeypatch.setattr(landing_writer, "write_manifest", second_fails)
    events = [event(at(f"2026-01-{day}T12:00:00")) for day in (12, 13, 14)]
    api.script(answer.zipped(body(*events)))
    with pytest.raises((LandingError, KeyboardInterrupt)):
        pull(FIRST, FIRST + dt.timedelta(days=2))
    first, *others = (landing.newest("mixpanel", "shop", "events", FIRST + dt.timedelta(days=day)) for day in range(3))
    assert landed([first]) == {"2026-01-12": [events[0]]}
    assert others == [None, None]
    assert {path.parent for path in Path(str(landing.root)).rglob("*") if path.is_file()} == {Path(str(first.path))}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_api_is_asked_again(api, answer, pull, status: int) -> None:
    api.script(answer(b"busy", status), answer(b"busy", status, headers={"Retry-After": "0"}), answer.zipped(WHOLE))
    assert len(landed(pull())["2026-01-12"]) == 500


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_fail_at_once_and_show_no_secret(api, answer, pull, status: int, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    api.script(answer(b'{"error":"bad credentials"}', status))
    with pytest.raises(SourceAuthError, match="AIRFLOW_CONN_POSTLAUNCH_SOURCE") as caught:
        pull()
    assert len(api.requests) == 1
    encoded = base64.b64encode(b"robot@example.com:s3cret-do-not-tell").decode()
    for text in (str(caught.value), caplog.text):
        assert "s3cret" not in text
        assert encoded not in text


def test_the_clients_words_are_kept_for_a_wrong_request(api, answer, pull) -> None:
    api.script(answer(b"to_date cannot be later than today", 400))
    with pytest.raises(SourceError, match="answered 400: to_date cannot be later than today"):
        pull()


def test_html_is_no_export(api, answer, pull) -> None:
    api.script(answer(b"<!doctype html>\n<title>Log in</title>\n"))
    with pytest.raises(SourceError, match="did not answer with JSON lines but with '<!doctype html>"):
        pull()


def test_a_redirect_does_not_carry_the_credentials_away(api, answer, pull) -> None:
    api.script(answer(b"", 302, headers={"Location": f"{api.url}/elsewhere"}))
    with pytest.raises(SourceError, match="a redirect; credentials are not sent on"):
        pull()
    assert [request.path for request in api.requests] == ["/api/2.0/export"]


def test_a_host_that_is_down_is_named(make_launch, landing, api) -> None:
    connection = Connection("postlaunch_source", "http", "127.0.0.1", 1, login="robot", password="s3cret")
    with pytest.raises(SourceError, match=r"no answer from http://127\.0\.0\.1:1/api/2\.0/export .*refused"):
        extract(make_launch(mixpanel={"project_id": 1}), connection, Dates.of(FIRST), landing, silent)


def test_a_manifest_holds_the_request_and_no_secret(api, answer, pull) -> None:
    api.script(answer.zipped(WHOLE))
    manifest = pull()[0].manifest
    assert manifest.request["from_date"] == "2026-01-12"
    assert manifest.request["timezone"] == "UTC"
    assert "s3cret" not in repr(manifest)
