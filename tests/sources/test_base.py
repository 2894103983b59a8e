from __future__ import annotations

import datetime as dt
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postlaunch.dates import Dates, parse_time
from postlaunch.errors import ConfigError
from postlaunch.landing.records import read_json, write_json
from postlaunch.sources.base import TransientError, check_window, public_url, retrying, wait_of


def test_a_fault_that_goes_away_is_forgotten() -> None:
    faults = [TransientError("first"), TransientError("second", 0.0)]

    def call() -> str:
        if faults:
            raise faults.pop()
        return "answer"

    assert retrying()(call) == "answer"


def test_a_wait_of_hours_is_left_to_the_scheduler() -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise TransientError("limit", 7200.0)

    with pytest.raises(TransientError):
        retrying()(call)
    assert len(calls) == 1


def test_an_error_of_our_own_is_not_retried() -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise KeyError("bug")

    with pytest.raises(KeyError):
        retrying()(call)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"ratelimit-reset": "3"}, 3.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "Mon, 12 Jan 2026 10:00:30 GMT", "Date": "Mon, 12 Jan 2026 10:00:00 GMT"}, 30.0),  # a server whose clock is wrong
    ],
)
def test_the_wait_is_what_the_headers_say(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_of(headers) == seconds


def test_a_wait_until_a_moment_is_understood() -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    assert wait_of({"Retry-After": f"{moment:%a, %d %b %Y %H:%M:%S GMT}"}) == pytest.approx(100, abs=3)


def test_a_public_url_has_neither_credentials_nor_query() -> None:
    assert public_url("https://robot:s3cret@api.example:8443/export?token=s3cret") == "https://api.example:8443/export"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-12T12:00:00Z", dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC)),
        ("2026-01-12T12:00:00-05:00", dt.datetime(2026, 1, 12, 17, tzinfo=dt.UTC)),
        ("2026-01-12T12:00:00", None),
        ("noon", None),
        (None, None),
        (12, None),
    ],
)
def test_a_time_without_offset_is_no_time(text: object, moment: dt.datetime | None) -> None:
    assert parse_time(text) == moment


def test_a_window_that_is_turned_round_is_refused(make_launch) -> None:
    with pytest.raises(ConfigError, match="reversed: from 2026-01-13 to 2026-01-12"):
        check_window(make_launch(), Dates(dt.date(2026, 1, 13), dt.date(2026, 1, 12)))


# lone surrogates included: JSON text can say them
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(json_values)
def test_json_is_written_as_it_was_read(value: object) -> None:
    assert json.loads(write_json(read_json(json.dumps(value).encode()))) == value


@pytest.mark.parametrize(
    "number",
    [
        *(b"0.10000000000000000001", b"1e400", b"-1E-7", b"123456789012345678901234567890", b"18446744073709551615", b"1.0"),
        *(b"9" * 20, b"-" + b"9" * 19, b"9" * 4_301, b"-" + b"9" * 140_000),
    ],
    ids=lambda number: number[:40].decode(),
)
def test_a_number_keeps_its_spelling(number: bytes) -> None:
    assert write_json(read_json(b"[" + number + b"]")) == b"[" + number + b"]"


@pytest.mark.parametrize("number", [0, 7, -7, 2**63 - 1, -(2**63)])
def test_a_whole_number_of_64_bits_can_be_counted_with(number: int) -> None:
    assert read_json(b"[%d]" % number) == [number]


@pytest.mark.parametrize("text", [b"[NaN]", b"[-Infinity]", b'{"a":Infinity}'])
def test_what_is_no_json_number_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="is not a JSON number"):
        read_json(text)


def nested(depth: int, inner: bytes = b"1.50") -> bytes:
    pairs = [(b"[", b"]"), (b'{"]\\"":', b"}"), (b'["\\\\",', b"]")]
    openings, closings = zip(*(pairs[level % 3] for level in range(depth)), strict=True)
    return b"".join(openings) + inner + b"".join(reversed(closings))


@pytest.mark.parametrize("depth", [10, 253, 254, 255, 500, 900, 1_000, 5_000, 200_000])
def test_however_deep_the_json_is_written_as_it_was_read(depth: int) -> None:
    text = b'[{"id":7,"n":1.50,"first":' + nested(depth) + b',"empty":[{},[]],"second":' + nested(depth, b'"\\ud800"') + b"},8]"
    records = read_json(text)
    assert (records[0]["id"], records[1]) == (7, 8)
    assert write_json(records) == text


def test_a_record_that_is_deep_is_one_line() -> None:
    assert b"\n" not in write_json(read_json(nested(2_000, b"\n1,\n\t2\n")))


@pytest.mark.parametrize(
    "text",
    [
        nested(5_000)[:-1],
        nested(5_000) + b"]",
        b"[" * 5_000,
        b"[" * 5_000 + b'"' + b'\\"' * 20_000,
        nested(5_000)[:-1] + b"}",
        b"[1" + nested(5_000) + b"]",
    ],
    ids=["the last", "one too many", "openings", "text", "another", "comma"],
)
def test_deep_json_that_is_cut_off_is_refused(text: bytes) -> None:
    start = time.process_time()
    with pytest.raises(ValueError):  # noqa: PT011  the words are those of the parser
        read_json(text)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("text", [b"[NaN,%s]", b"[%s,NaN]", b'{"a":%s,"b":-Infinity}'])
def test_what_is_no_json_number_is_refused_beside_deep_json_too(text: bytes) -> None:
    with pytest.raises(ValueError, match="is not a JSON number"):
        read_json(text % nested(5_000))
