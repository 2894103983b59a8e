from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import LandingError
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.load.loader import Loader, LoadResult
from tests.load.conftest import counts

DAY = dt.date(2026, 1, 12)
MIDNIGHT = int(dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC).timestamp())  # New York
LAUNCH = Launch.model_validate(
    {
        "launch": "shop",
        "name": "Shop",
        "owner": {"name": "Ada", "email": "ada@example.com"},
        "date": "2026-01-12",
        "timezone": "America/New_York",
        "mixpanel": {"project_id": 1},
    }
)


def event(second: int = 0, name: str = "Logged In", **properties: Any) -> bytes:
    return json.dumps({"event": name, "properties": {"time": MIDNIGHT + second, "distinct_id": "u1", **properties}}).encode()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(str(tmp_path / "landing"))


def land(landing: Landing, lines: list[bytes], day: dt.date = DAY, timezone: str = "UTC") -> Pull:
    writer = PartitionWriter(landing, "mixpanel", "shop", "events", day, new_pull_id(), LAUNCH.window(Dates.of(day)))
    writer.write_all(lines)
    return writer.finalise({"timezone": timezone})


@pytest.fixture
def load(warehouse: str, landing: Landing) -> Callable[..., LoadResult]:
    def run(*lines: bytes, day: dt.date = DAY, timezone: str = "UTC") -> LoadResult:
        with Loader(LAUNCH) as loader:
            return loader.load(land(landing, list(lines), day, timezone))

    return run


def test_an_event_becomes_a_row_with_typed_keys(load, query) -> None:
    load(event(90, mp_processing_time_ms=(MIDNIGHT + 95) * 1000 + 123, **{"$insert_id": "i1", "plan": "pro"}))
    row = query(
        "select launch_id, event_date, event_name, distinct_id, insert_id, occurred_at, processed_at, "
        "properties ->> 'plan' from raw.mixpanel_events"
    )[0]
    assert row == (
        *("shop", DAY, "Logged In", "u1", "i1"),
        dt.datetime(2026, 1, 12, 5, 1, 30, tzinfo=dt.UTC),
        dt.datetime(2026, 1, 12, 5, 1, 35, 123000, tzinfo=dt.UTC),
        "pro",
    )


def test_properties_are_kept_whole_and_exact(load, query) -> None:
    line = (
        b'{"event":"x","properties":{"time":%d,"distinct_id":"u","big":123456789012345678901234567890,"fine":0.10000000000000000001,'
        b'"text":"caf\\u00e9 \\"q\\" \\\\u0000 \\t","deep":{"event":[1,{"properties":null}]}}}'
    ) % MIDNIGHT
    assert counts(load(line)) == (1, 1, 0, 0)
    assert query(
        "select properties ->> 'big', properties ->> 'fine', properties ->> 'text', properties #>> '{deep,event}' from raw.mixpanel_events"
    ) == [("123456789012345678901234567890", "0.10000000000000000001", 'café "q" \\u0000 \t', '[1, {"properties": null}]')]


BAD = {
    b'{"event":"x","properties":{"time":1': "bad JSON",
    b"": "bad JSON",
    b"not json": "bad JSON",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","n":NaN}}' % MIDNIGHT: "bad JSON",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","s":"\\ud800"}}' % MIDNIGHT: "bad JSON",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","s":"\xff"}}' % MIDNIGHT: "bad JSON",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","n":1e400}}' % MIDNIGHT: "bad JSON",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","n":1e-20000}}' % MIDNIGHT: "PostgreSQL: ",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","s":"\\u0000"}}' % MIDNIGHT: "\\u0000",
    b'{"properties":{"time":%d,"distinct_id":"u"}}' % MIDNIGHT: "missing key 'event'",
    b'{"event":"x","properties":{"distinct_id":"u"}}': "missing key 'time'",
    b'{"event":"x","properties":{"time":"soon","distinct_id":"u"}}': "unreadable time",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","mp_processing_time_ms":"x"}}' % MIDNIGHT: "unreadable time",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u"}}' % (MIDNIGHT - 1): "outside the partition",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u"}}' % (MIDNIGHT + 86400): "outside the partition",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","mp_processing_time_ms":true}}' % MIDNIGHT: "unreadable time",
    b'{"event":"x","properties":{"time":%d,"distinct_id":"u","mp_processing_time_ms":12.5}}' % MIDNIGHT: "unreadable time",
    b'{"event":"x","properties":{"time":%d,"distinct_id":18446744073709551616}}' % MIDNIGHT: "an id is float",
    b'{"event":7,"properties":{"time":%d,"distinct_id":"u"}}' % MIDNIGHT: "`event` is not text",
    b'{"event":"x","properties":[]}': "not an event",
    b'["x"]': "not an event",
}


def test_every_bad_line_goes_to_quarantine_alone_with_its_reason_and_place(load, query) -> None:
    lines = [line for bad in BAD for line in (event(1), bad)]
    assert counts(load(*lines)) == (2 * len(BAD), len(BAD), 0, len(BAD))
    found = query("select reason, line_number, raw_line, landing_path, byte_offset from quarantine.records order by line_number")
    assert [row[1:3] for row in found] == [(2 * number, bad) for number, bad in enumerate(BAD, start=1)]
    for (reason, _, line, path, offset), expected in zip(found, BAD.values(), strict=True):
        assert expected in reason, line
        assert gzip.decompress(Path(path).read_bytes())[offset:].startswith(line + b"\n")


def test_a_name_that_no_index_holds_costs_only_its_line_and_a_long_property_is_counted_with_the_others(load, query) -> None:
    name = secrets.token_hex(3_000)  # random, so that it cannot be squeezed
    assert counts(load(event(1, name), event(2, **{name: 1}), event(3))) == (3, 2, 0, 1)
    assert query("select reason from quarantine.records") == [("`event` is longer than 1,000 bytes",)]
    assert query("select event_count from raw.event_property_days where property = '(other properties)'") == [(1,)]


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York"])
def test_a_time_in_milliseconds_costs_only_its_line(load, query, timezone: str) -> None:
    times = [b"%d000" % MIDNIGHT, b"-%d000" % MIDNIGHT, b"18446744073709551615", b"-9223372036854775808", b"1e300", b"0"]
    lines = [b'{"event":"x","properties":{"time":%s,"distinct_id":"u"}}' % time for time in times]
    assert counts(load(*lines, event(43_200), timezone=timezone)) == (len(times) + 1, 1, 0, len(times))
    reasons = [row[0] for row in query("select reason from quarantine.records order by line_number")]
    assert all(reason.startswith("outside the partition: time ") for reason in reasons), reasons


DEEPEST = 1_024  # levels that orjson reads, and PostgreSQL with its stack of 2 MiB any time


@pytest.mark.parametrize("levels", [260, 900, DEEPEST - 2])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_properties_are_kept_whole_and_exact(load, query, levels: int, opening: bytes, closing: bytes) -> None:
    deep = opening * levels + b"0.10000000000000000001" + closing * levels
    properties = b'{"time":%d,"distinct_id":"u","deep":%s}' % (MIDNIGHT, deep)
    lines = [b'{"event":"x","properties":%s}' % properties, b'{"properties":%s,"event":"y"}' % properties]
    assert counts(load(*lines)) == (2, 2, 0, 0)
    assert query("select event_name, replace((properties -> 'deep')::text, ' ', '') from raw.mixpanel_events order by 1") == [
        ("x", deep.decode()),
        ("y", deep.decode()),
    ]


@pytest.mark.parametrize("levels", [DEEPEST - 1, 10_000, 100_000])
def test_properties_that_are_too_deep_cost_only_their_line(load, query, levels: int) -> None:
    properties = b'{"time":%d,"distinct_id":"u","deep":%s1%s}' % (MIDNIGHT, b"[" * levels, b"]" * levels)
    lines = [b'{"event":"x","properties":%s}' % properties, b'{"properties":%s,"event":"y"}' % properties]
    assert counts(load(*lines, event(1))) == (3, 1, 0, 2)
    reasons = [row[0] for row in query("select reason from quarantine.records")]
    assert all(reason.startswith("bad JSON: depth limit exceeded") for reason in reasons), reasons


@pytest.mark.parametrize("digits", [4_301, 140_000])
def test_a_number_of_thousands_of_digits_costs_only_its_line(load, query, digits: int) -> None:
    properties = b'{"time":%d,"distinct_id":"u","n":%s}' % (MIDNIGHT, b"9" * digits)
    lines = [b'{"event":"x","properties":%s}' % properties, b'{"properties":%s,"event":"y"}' % properties]
    assert counts(load(*lines, event(1))) == (3, 1, 0, 2)
    reasons = [row[0] for row in query("select reason from quarantine.records")]
    assert all(reason.startswith("bad JSON: number is infinity") for reason in reasons), reasons


def test_the_offset_counts_over_blocks(load, query) -> None:
    lines = [b"[1]" if number % 5000 == 4999 else event(number, padding="x" * 100) for number in range(20_000)]
    assert load(*lines).quarantined == 4
    for path, offset in query("select landing_path, byte_offset from quarantine.records"):
        assert gzip.decompress(Path(path).read_bytes())[offset - 1 : offset + 4] == b"\n[1]\n"


def test_keys_that_stand_twice_do_not_spoil_the_line(load, query) -> None:
    line = b'{"event":"x","properties":{"time":%d,"distinct_id":"u","event":1},"event":"y"}' % MIDNIGHT
    assert counts(load(line)) == (1, 1, 0, 0)
    assert query("select event_name, properties ->> 'event' from raw.mixpanel_events") == [("y", "1")]


def test_properties_that_stand_twice_cost_one_line_at_most(load, query) -> None:
    double = b'{"event":"x","properties":{"time":1},"properties":{"time":%d,"distinct_id":"u","n":%d}}'
    assert counts(load(*(double % (MIDNIGHT, number) for number in range(300)), event(1))) == (301, 300, 0, 1)
    assert query("select count(distinct properties ->> 'n'), count(*) from raw.mixpanel_events") == [(299, 300)]


def test_lines_that_only_postgresql_refuses_cost_only_themselves(load, query) -> None:
    bad = b'{"event":"x","properties":{"time":%d,"distinct_id":"u","n":1e-20000}}' % MIDNIGHT
    lines = [bad if number % 40 == 7 else event(number) for number in range(200)]
    assert counts(load(*lines)) == (200, 195, 0, 5)
    assert [row[0] for row in query("select line_number from quarantine.records order by 1")] == [8, 48, 88, 128, 168]


def test_the_copy_that_was_processed_last_wins(load, query) -> None:
    copies = [event(5, mp_processing_time_ms=MIDNIGHT * 1000 + late, **{"$insert_id": "i", "attempt": late}) for late in (2, 9, 4)]
    assert counts(load(*copies, event(5))) == (4, 2, 2, 0)
    assert query("select properties ->> 'attempt' from raw.mixpanel_events where insert_id is not null") == [("9",)]


NOBODY = (b"", b',"distinct_id":null', b',"distinct_id":""')


@pytest.mark.parametrize("nobody", NOBODY)
def test_an_event_that_names_nobody_is_a_row_without_a_user(load, query, nobody: bytes) -> None:
    line = b'{"event":"x","properties":{"time":%d%s,"$insert_id":"i","$device_id":"d"}}' % (MIDNIGHT, nobody)
    assert counts(load(line)) == (1, 1, 0, 0)
    assert query("select distinct_id, insert_id, properties ->> '$device_id' from raw.mixpanel_events") == [(None, "i", "d")]


def test_a_repeated_event_that_names_nobody_counts_once_however_its_absence_is_spelled(load, query) -> None:
    lines = [b'{"event":"x","properties":{"time":%d%s,"$insert_id":"i"}}' % (MIDNIGHT, nobody) for nobody in NOBODY]
    assert counts(load(*lines, event(0, "x", **{"$insert_id": "i"}))) == (4, 2, 2, 0)
    assert query("select distinct_id from raw.mixpanel_events order by 1 nulls last") == [("u1",), (None,)]


def test_events_of_one_second_keep_the_order_that_the_source_gave_them(load, query) -> None:
    names = ["Signed Up", "Activated", "Invited", "Activated", "Signed Up"]
    load(*(event(7, name) for name in names[:2]), b"bad", *(event(7, name) for name in names[2:]))
    assert [row[0] for row in query("select event_name from raw.mixpanel_events order by occurred_at, source_order")] == names
    assert query("select min(source_order), max(source_order), count(distinct source_order) from raw.mixpanel_events") == [(1, 6, 5)]


def test_the_order_runs_on_from_file_to_file(warehouse, landing, query) -> None:
    writer = PartitionWriter(landing, "mixpanel", "shop", "events", DAY, new_pull_id(), LAUNCH.window(Dates.of(DAY)))
    for name in ("first", "second", "third"):  # a file a call
        writer.write_all([event(0, name), event(0, name)])
        writer.close_part()
    with Loader(LAUNCH) as loader:
        loader.load(writer.finalise({"timezone": "UTC"}))
    assert query("select event_name, source_order from raw.mixpanel_events order by 2") == [
        *(("first", 1), ("first", 2), ("second", 3), ("second", 4), ("third", 5), ("third", 6)),
    ]


def test_the_order_of_a_date_is_that_of_the_pull_that_is_loaded(load, query) -> None:
    load(event(7, "a"), event(7, "b"))
    load(event(7, "b"), event(7, "a"))  # the same content: it changes nothing
    assert query("select event_name from raw.mixpanel_events order by source_order") == [("a",), ("b",)]
    load(event(7, "b"), event(7, "a"), event(8, "c"))
    assert query("select event_name from raw.mixpanel_events order by source_order") == [("b",), ("a",), ("c",)]


@pytest.mark.parametrize("spelling", ["%d", "%d.0", '"%d"', '"%d.0"'])
def test_a_whole_number_of_milliseconds_is_read_however_it_is_spelled(load, query, spelling: str) -> None:
    moment = (MIDNIGHT + 5) * 1000
    load(b'{"event":"x","properties":{"time":%d,"distinct_id":"u","mp_processing_time_ms":%s}}' % (MIDNIGHT, (spelling % moment).encode()))
    assert query("select extract(epoch from processed_at)::bigint from raw.mixpanel_events") == [(MIDNIGHT + 5,)]


def test_events_without_insert_id_are_never_duplicates(load) -> None:
    assert counts(load(event(5), event(5), *(event(5, **{"$insert_id": none}) for none in ("", "", None, None)))) == (6, 6, 0, 0)


def test_loading_a_date_again_replaces_it_and_leaves_its_neighbours(load, query) -> None:
    load(event(86400 + 5), day=DAY + dt.timedelta(days=1))
    load(event(1), event(2), b"bad")
    result = load(event(3), b"worse")
    assert (counts(result), result.is_changed) == ((2, 1, 0, 1), True)
    assert query("select event_date, count(*) from raw.mixpanel_events group by 1 order by 1") == [
        (DAY, 1),
        (DAY + dt.timedelta(days=1), 1),
    ]
    assert query("select raw_line from quarantine.records") == [(b"worse",)]


def test_the_same_content_in_another_order_changes_nothing(load, query) -> None:
    load(event(1), event(2), b"bad")
    before = query("select ctid, load_id from raw.mixpanel_events order by 1")
    result = load(b"bad", event(2), event(1))
    assert (counts(result), result.is_changed) == ((3, 2, 0, 1), False)
    assert query("select ctid, load_id from raw.mixpanel_events order by 1") == before
    assert query("select is_changed, first_dirty_date from ops.partition_loads order by load_id") == [(True, DAY), (False, None)]


def test_an_older_pull_never_replaces_a_newer_one(warehouse, landing, query) -> None:
    older, newer = land(landing, [event(1)]), land(landing, [event(1), event(2)])
    with Loader(LAUNCH) as loader:
        loader.load(newer)
        assert loader.load(older).is_superseded
    assert query("select count(*) from raw.mixpanel_events") == [(2,)]


def test_a_quiet_date_is_loaded_and_dirty_once(load, query) -> None:
    assert load().is_changed
    assert not load().is_changed
    assert query("select partition_date, landed_count from ops.partition_loads where is_changed") == [(DAY, 0)]


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_file_that_is_not_what_its_manifest_says_loads_nothing(warehouse, landing, query, seen_before: bool) -> None:
    pull = land(landing, [event(1), event(2)])
    with Loader(LAUNCH) as loader:
        if seen_before:
            loader.load(pull)
        file = Path(str(pull.path / "part-0000.jsonl.gz"))
        file.write_bytes(gzip.compress(event(1) + b"\n"))
        with pytest.raises(LandingError, match="another checksum"):
            loader.load(pull)
    assert query("select count(*) from raw.mixpanel_events") == [(2 if seen_before else 0,)]
    assert query("select count(*) from ops.partition_loads") == [(1 if seen_before else 0,)]


def test_the_row_of_a_load_says_all_about_it(load, query) -> None:
    load(event(1, mp_processing_time_ms=(MIDNIGHT + 61) * 1000), b"bad")
    assert query(
        "select source, stream, partition_date, window_start_at, window_end_at - window_start_at, "
        "lag_seconds, bytes_count > 0, duration_seconds > 0, request, build_id from ops.partition_loads"
    ) == [
        (
            *("mixpanel", "events", DAY, dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC), dt.timedelta(days=1)),
            *(60.0, True, True, {"timezone": "UTC"}, None),
        )
    ]


def test_a_project_in_local_time_is_stored_in_utc(load, query) -> None:
    noon = json.dumps(
        {"event": "x", "properties": {"time": int(dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC).timestamp()), "distinct_id": "u"}}
    )
    load(noon.encode(), timezone="America/New_York")
    assert query("select occurred_at from raw.mixpanel_events") == [(dt.datetime(2026, 1, 12, 17, tzinfo=dt.UTC),)]


def test_the_transformer_reads_partitions_that_the_loader_made(load, warehouse) -> None:
    load(event(1))
    with psycopg.connect(warehouse) as session:
        session.execute("set role postlaunch_transformer")
        assert session.execute("select count(*) from raw.mixpanel_events_y2026m01").fetchone() == (1,)


events = st.builds(
    lambda second, insert_id, late, plan: (second, insert_id, late, plan),
    st.integers(0, 3),
    st.sampled_from(["a", "b", None]),
    st.integers(0, 2),
    st.sampled_from(["free", "pro"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, max_size=12), st.integers(0, 2**32))
def test_the_rows_of_a_date_do_not_depend_on_the_order_of_its_lines(warehouse, tmp_path, query, story, seed: int) -> None:
    lines = [
        event(second, mp_processing_time_ms=(MIDNIGHT + late) * 1000, plan=plan, **({"$insert_id": insert_id} if insert_id else {}))
        for second, insert_id, late, plan in story
    ]
    shuffled = list(lines)
    random.Random(seed).shuffle(shuffled)
    rows = []
    with Loader(LAUNCH) as loader:
        for order in (lines, shuffled):
            result = loader.load(land(Landing(str(tmp_path / new_pull_id())), order), force=True)
            assert result.landed == len(story)
            rows.append(
                query("select occurred_at, insert_id, processed_at, properties from raw.mixpanel_events order by 1, 2, 3, properties")
            )
    assert rows[0] == rows[1]
    expected = len({(second, insert_id) for second, insert_id, _, _ in story if insert_id}) + sum(1 for each in story if each[1] is None)
    assert len(rows[0]) == expected


def test_a_line_that_is_too_long_costs_itself_and_its_beginning_is_kept(load, query) -> None:
    long = event(2, text="x" * 2_200_000)
    assert counts(load(event(1), long, event(3), b"bad")) == (4, 2, 0, 2)
    found = query("select reason, raw_line, line_number, landing_path, byte_offset from quarantine.records order by line_number")
    assert found[0][:3] == ("longer than 2 MiB: only its first 4,000 bytes are kept here", long[:4000], 2)
    assert gzip.decompress(Path(found[1][3]).read_bytes())[found[1][4] :] == b"bad\n"
