"""Whatever a server sends, an ingest stays within the memory of the benchmarks, and says which limit it met."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import gzip
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Source
from postlaunch.config.settings import REPOSITORY
from postlaunch.landing import bounds
from postlaunch.landing.bounds import TooLargeError, body_of, check_values, split_lines
from postlaunch.landing.gzip_stream import PIECE_BYTES, GzipError, unzipped
from postlaunch.sources.registry import SPECS
from tests.sources.conftest import make_launch

MOST_MIB = 50  # beside interpreter and libraries (72 to 78 MiB); the pulls here take up to 45, from run to run within a few
MANY = 100  # so many MiB the bombs unpack to


def bomb(start: bytes, filling: bytes) -> bytes:
    """Gzip of a few hundred KB that unpacks to MANY MiB: `start`, and `filling` for ever."""
    return gzip.compress(start) + gzip.compress(filling * ((1 << 20) // len(filling))) * MANY


@pytest.fixture
def ends(api, connection: Connection) -> Callable[..., list[Any]]:
    """Pull once for each of the answers, in one fresh process: what each ended in. `well`: requests that are answered well."""

    def run(
        source: Source,
        answers: list[Any],
        section: dict[str, Any],
        well: Callable[[Any], Any] = lambda _: None,
        day: dt.date = dt.date(2026, 1, 12),
    ) -> list[Any]:
        def pull_of(request: Any) -> int:
            kind, _, word = request.headers["Authorization"].partition(" ")
            return int((base64.b64decode(word).decode() if kind == "Basic" else word).rpartition("-")[2])

        api.answer = lambda request: well(request) or answers[pull_of(request)]
        task = {
            "source": source,
            "launch": make_launch(**{source: section}).model_dump(mode="json"),
            "pulls": len(answers),
            "connection": dataclasses.asdict(connection),
            "day": day.isoformat(),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.sources.hostile_child"],
            check=False, input=json.dumps(task), capture_output=True, text=True, cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["plugins", "."])},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["peak_mib"] - told["libraries_mib"] < MOST_MIB
        found: list[Any] = told["ends"]
        return found

    return run


ZIPPED = {"Content-Encoding": "gzip"}
LISTS = b"[],"  # the most objects for a byte
EMOJI = '"\N{ROCKET}'.encode()  # four bytes a character, once it is text


def json_bombs(answer: type[Any], start: bytes) -> list[Any]:
    """Bodies of JSON that begin well: without an end, of many small values, and a refusal without an end."""
    return [
        answer(bomb(start, b" "), headers=ZIPPED),
        answer(bomb(start + EMOJI, b"x"), headers=ZIPPED),
        answer(bomb(start, LISTS), headers=ZIPPED),
        answer(start + LISTS * 1_200_000 + b"[]]}"),
        answer(start + EMOJI + b"x" * 3_900_000 + b'"]}'),
        answer(start + b'{"a":1.5},' * 380_000 + b"1]}"),
        answer(bomb(b"no", b"x"), 403, headers=ZIPPED),
    ]


def test_zendesk(ends, answer) -> None:
    others = json.dumps({name.name: [] for name in SPECS["zendesk"].streams} | {"end_of_stream": True}).encode()

    def well(request: Any) -> Any:
        return None if "/incremental/tickets/" in request.path else answer(others)

    found = ends("zendesk", json_bombs(answer, b'{"end_of_stream":true,"tickets":['), {}, well)
    for error, *_ in found[:4] + found[5:6]:
        assert re.match(
            r"zendesk: http://127.*/incremental/tickets/cursor.json \(.*per_page=3.*\) answers with more than (4 MiB|250,000 values)", error
        )
    assert [(error, rows) for error, rows, _ in found[4:5]] == [("", 1)], "a record that is too large is left to the loader"
    assert "answered 403, it refuses the credentials: noxxx" in found[6][0]


def test_pagerduty(ends, answer) -> None:
    def well(request: Any) -> Any:
        return answer(b'{"total": 5}') if request.query.get("total") else None

    found = ends("pagerduty", json_bombs(answer, b'{"total":5,"more":false,"log_entries":['), {}, well)
    for error, *_ in found[:4] + found[5:6]:
        assert re.match(r"pagerduty: http://127.*/log_entries \(.*limit=1&offset=0\) answers with more than (4 MiB|250,000 values)", error)
    assert "answered 403, it refuses the credentials: noxxx" in found[6][0]


def test_prometheus(ends, answer) -> None:
    section = {"resources": [{"id": "memory", "name": "Memory", "query": "memory_used", "unit": "ratio", "trigger": 0.9}]}
    found = ends("prometheus", json_bombs(answer, b'{"status":"success","data":{"resultType":"matrix","result":['), section)
    for error, *_ in found[:4]:
        assert "answers the query of memory.resource with more than" in error
        assert "at one instant, and no more is read of one answer; let the server add series up" in error
    assert all(re.search("did not answer with a matrix|with more than", error) for error, *_ in found[4:6])
    assert "answered 403, it refuses the credentials: noxxx" in found[6][0]


def test_an_openmetrics_file_over_http(ends, api, answer) -> None:
    resources = [{"id": "memory", "name": "Memory", "query": "memory_used", "unit": "ratio", "trigger": 0.9}]
    api.answer = lambda _: answer(bomb(b'memory_used{a="', b"x"), headers=ZIPPED)
    ((error, *_),) = ends("prometheus", [None], {"resources": resources, "openmetrics": [f"{api.url}/a.om"]}, api.answer)
    assert error.startswith(f"prometheus: {api.url}/a.om, after line 0: the next line is longer than 2 MiB, which no sample is")


EVENT = b'{"event":"x","properties":{"time":1768240000,"distinct_id":"u"'


def test_mixpanel(ends, answer) -> None:
    """Lines without an end cost themselves, and what is not a whole answer costs the pull; of profiles it is the profiles."""
    answers = [
        answer(bomb(EVENT, b"x"), headers=ZIPPED),
        answer(gzip.compress(EVENT + b"}}\n") + bomb(EVENT, b"x") + gzip.compress(b"\n" + EVENT + b"}}\n"), headers=ZIPPED),
        answer(gzip.compress((EVENT + b',"a":[' + LISTS * 600_000 + b"[]]}}\n") * 20), headers=ZIPPED),
        answer(gzip.compress(EVENT + b"}}\n" + b"\n" * 5_000_000), headers=ZIPPED),
        answer(bomb(b"no", b"x"), 403, headers=ZIPPED),
    ]
    found = ends("mixpanel", answers, {"project_id": 1})
    assert "its last line has no end" in found[0][0]
    assert [(error, rows) for error, rows, _ in found[1:4]] == [("", 3), ("", 20), ("", 1)]
    assert "answered 403" in found[4][0]


def test_mixpanel_profiles(ends, answer) -> None:
    """They cost themselves alone: the events of the day are landed."""
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    noon = dt.datetime.combine(yesterday, dt.time(12), dt.UTC)
    event = json.dumps({"event": "x", "properties": {"time": int(noon.timestamp()), "distinct_id": "u"}}).encode()

    def well(request: Any) -> Any:
        return None if "/engage" in request.path else answer(event + b"\n")

    section = {"project_id": 1, "profile_properties": ["plan"]}
    found = ends("mixpanel", json_bombs(answer, b'{"session_id":"s","total":5,"results":['), section, well, yesterday)
    for error, rows, warnings in found:
        assert (error, rows, len(warnings)) == ("", 1, 1)
    for *_, (warning,) in [*found[:4], found[5]]:
        assert re.search(r"profiles.*answers with more than (4 MiB|250,000 values)", warning)


def test_one_long_line_takes_time_in_proportion() -> None:
    """40 MB in blocks of 256 KiB; adding each block to one growing text copied 3 GB."""
    blocks = [b"x" * PIECE_BYTES] * 160 + [b"y\nz\n"]
    began = time.process_time()
    found = list(split_lines(blocks))
    assert time.process_time() - began < 1
    assert [(len(each.lines), each.size) for each in found] == [(1, 160 * PIECE_BYTES + 2), (1, 2)]
    assert (len(found[0].lines[0]), found[1].lines) == (bounds.LONGEST_LINE + 1, [b"z"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"a", b"\n")), max_size=20), st.integers(1, 30), st.integers(5, 40))
def test_lines_are_those_of_the_text_however_it_comes_in_blocks(pieces: list[bytes], size: int, longest: int) -> None:
    text = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "LONGEST_LINE", longest)
        found = list(split_lines(text[start : start + min(size, longest)] for start in range(0, len(text), min(size, longest))))
    expected = text.split(b"\n")
    unfinished = expected.pop()
    assert [line for each in found for line in each.lines] == [
        line[: longest + 1] for line in [*expected, *([unfinished] if unfinished else [])]
    ]
    assert sum(each.size for each in found) == len(text)
    assert [each.is_unfinished for each in found] == [False] * (len(found) - bool(unfinished)) + [True] * bool(unfinished)
    offset = 0
    for each in found:  # where a line begins can be told from the lengths of those before it in its list
        for index, line in enumerate(each.lines):
            assert text[offset + sum(map(len, each.lines[:index])) + index :].startswith(line)
        offset += each.size


@pytest.mark.parametrize("size", [1, 1000, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_a_gzip_gives_its_bytes_in_bounded_pieces_and_tells_its_end(size: int) -> None:
    for plain in (b"a" * size, random.Random(size).randbytes(size)):
        zipped = gzip.compress(plain) + gzip.compress(plain)
        for block in (1 << 16, 777 + size // 50):
            pieces = list(unzipped(zipped[start : start + block] for start in range(0, len(zipped), block)))
            assert b"".join(pieces) == plain + plain
            assert max(map(len, pieces)) <= PIECE_BYTES
        with pytest.raises(GzipError, match="ends in the middle"):
            list(unzipped([zipped[:-1]]))


def test_a_body_of_exactly_the_limit_is_read_and_a_byte_more_is_not() -> None:
    assert len(body_of([b"x" * 500, b"x" * 500], None, most=1000)) == 1000
    with pytest.raises(TooLargeError):
        body_of([b"x" * 500, b"x" * 501], None, most=1000)
    assert check_values(b'{"a":[1,2]}', most=6)
    with pytest.raises(TooLargeError):
        check_values(b'{"a":[1,2]}', most=5)
