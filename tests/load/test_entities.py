from __future__ import annotations

import datetime as dt
import itertools
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.landing.records import read_json, write_json
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.load.loader import Loader, LoadResult
from postlaunch.sources.registry import SPECS
from tests.load.conftest import counts

FIRST, LAST = dt.date(2026, 1, 12), dt.date(2026, 1, 14)
LAUNCH = Launch.model_validate(
    {
        "launch": "shop",
        "name": "Shop",
        "owner": {"name": "Ada", "email": "ada@example.com"},
        "date": "2026-01-12",
        "timezone": "America/New_York",
        "zendesk": {},
        "pagerduty": {},
    }
)
WINDOW = Dates(FIRST, LAST)


def ticket(number: int, version: int = 0, created: str = "2026-01-13T12:00:00Z", **fields: Any) -> dict[str, Any]:
    return {"id": number, "created_at": created, "generated_timestamp": 1768300000 + version, **fields}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(str(tmp_path / "landing"))


def land(landing: Landing, records: list[Any], stream: str = "zendesk.tickets", window: Dates = WINDOW) -> Pull:
    source, name = stream.split(".")
    writer = PartitionWriter(landing, source, "shop", name, window, new_pull_id(), LAUNCH.window(window))  # type: ignore[arg-type]
    writer.write_all([record if isinstance(record, bytes) else json.dumps(record).encode() for record in records])
    return writer.finalise({})


@pytest.fixture
def load(warehouse: str, landing: Landing) -> Callable[..., LoadResult]:
    def run(*records: Any, stream: str = "zendesk.tickets", window: Dates = WINDOW) -> LoadResult:
        with Loader(LAUNCH) as loader:
            return loader.load(land(landing, list(records), stream, window))

    return run


def test_a_ticket_becomes_a_row_by_id_with_its_times(load, query) -> None:
    load(ticket(7, subject="Slow"))
    assert query("select id, occurred_at, extract(epoch from version_at)::bigint, record ->> 'subject' from raw.zendesk_tickets") == [
        ("7", dt.datetime(2026, 1, 13, 12, tzinfo=dt.UTC), 1768300000, "Slow")
    ]


def test_the_newest_version_wins_whatever_the_order_of_pulls(load, query) -> None:
    load(ticket(7, 5, status="solved"))
    result = load(ticket(7, 3, status="open"))
    assert (counts(result), result.is_changed) == ((1, 0, 1, 0), False)
    assert query("select record ->> 'status' from raw.zendesk_tickets") == [("solved",)]


def test_the_newest_of_one_pull_is_kept_and_the_rest_counted_as_duplicates(load) -> None:
    assert counts(load(ticket(7, 1), ticket(7, 2), ticket(8), ticket(7, 2))) == (4, 2, 2, 0)


def test_a_clock_that_is_an_hour_ahead_is_no_reason_to_refuse(load) -> None:
    assert counts(load({**ticket(7), "generated_timestamp": int(time.time()) + 3600})) == (1, 1, 0, 0)


def test_loading_the_same_again_changes_nothing(load, query) -> None:
    load(ticket(7), ticket(8))
    before = query("select ctid, load_id from raw.zendesk_tickets")
    result = load(ticket(7), ticket(8))
    assert (counts(result), result.is_changed) == ((2, 0, 2, 0), False)
    assert query("select ctid, load_id from raw.zendesk_tickets") == before


def test_of_one_version_with_two_contents_the_later_pull_wins_in_any_order(warehouse, landing, query) -> None:
    pulls = [land(landing, [ticket(7, plan=plan)]) for plan in ("early", "late")]
    with Loader(LAUNCH) as loader:
        for order in itertools.permutations(pulls):
            for pull in order:
                loader.load(pull)
            assert query("select record ->> 'plan' from raw.zendesk_tickets") == [("late",)]


def test_a_deleted_ticket_stays_as_deleted(load, query) -> None:
    load(ticket(7, 1, status="open"))
    load(ticket(7, 2, status="deleted"))
    assert query("select record ->> 'status' from raw.zendesk_tickets") == [("deleted",)]


@pytest.mark.parametrize(
    ("stream", "record"),
    [
        ("zendesk.ticket_metric_events", {"id": 1, "time": "2026-01-13T12:00:00Z"}),
        ("zendesk.satisfaction_ratings", {"id": 1, "created_at": "2026-01-13T12:00:00Z", "updated_at": "2026-01-14T12:00:00Z"}),
        ("pagerduty.incidents", {"id": "P1", "created_at": "2026-01-13T07:00:00-05:00", "updated_at": "2026-01-14T12:00:00Z"}),
        ("pagerduty.log_entries", {"id": "R1", "created_at": "2026-01-13T12:00:00Z"}),
        ("zendesk.ticket_events", {"id": 1, "timestamp": 1768305600, "created_at": "2026-01-13T12:00:00Z"}),
        ("zendesk.ticket_events", {"id": 2, "timestamp": 1768305600}),
        ("zendesk.users", {"id": 1, "created_at": "2026-01-13T12:00:00Z", "updated_at": "2026-01-14T12:00:00Z"}),
        ("zendesk.organizations", {"id": 1, "created_at": "2026-01-13T12:00:00Z", "updated_at": "2026-01-14T12:00:00Z"}),
        ("zendesk.sla_policies", {"id": 1, "created_at": "2026-01-13T12:00:00Z"}),
        ("zendesk.schedules", {"id": 1, "created_at": "2026-01-13T12:00:00Z"}),
        ("pagerduty.notes", {"id": "N1", "created_at": "2026-01-13T07:00:00-05:00"}),
        ("pagerduty.services", {"id": "S1", "created_at": "2026-01-13T12:00:00Z"}),
        ("pagerduty.priorities", {"id": "P1", "created_at": "2026-01-13T12:00:00Z"}),
        ("pagerduty.escalation_policies", {"id": "E1", "created_at": "2026-01-13T12:00:00Z"}),
        ("pagerduty.schedules", {"id": "D1", "created_at": "2026-01-13T12:00:00Z"}),
        ("pagerduty.change_events", {"id": "C1", "timestamp": "2026-01-13T12:00:00Z"}),
        ("pagerduty.oncalls", {"id": "E1/1/D1/U1/x", "start": "2026-01-13T12:00:00Z", "end": "2026-01-20T12:00:00Z"}),
    ],
)
def test_every_stream_has_a_table(load, query, stream: str, record: dict[str, Any]) -> None:
    assert counts(load(record, stream=stream)) == (1, 1, 0, 0)
    assert query(f"select id, occurred_at from raw.{stream.replace('.', '_')}") == [
        (str(record["id"]), dt.datetime(2026, 1, 13, 12, tzinfo=dt.UTC))
    ]


def test_a_service_that_did_not_change_is_not_loaded_again(load) -> None:
    service = {"id": "S1", "name": "API"}  # no time at all: the pull's moment is its version
    assert load(service, stream="pagerduty.services").loaded == 1
    assert load(service, stream="pagerduty.services").loaded == 0
    assert load({**service, "name": "Web"}, stream="pagerduty.services").loaded == 1


@pytest.mark.parametrize("stream", ["zendesk.holidays", "zendesk.schedules", "pagerduty.priorities", "pagerduty.oncalls"])
def test_a_snapshot_without_any_time_is_merged_by_the_moment_of_its_pull(load, query, stream: str) -> None:
    record = {"id": 1, "name": "early", "start_date": "2026-01-19"}
    assert load(record, stream=stream).loaded == 1
    assert load(record, stream=stream).loaded == 0
    assert load({**record, "name": "late"}, stream=stream).loaded == 1
    assert query(f"select occurred_at, record ->> 'name' from raw.{stream.replace('.', '_')}") == [(None, "late")]


def test_a_changed_user_is_loaded_and_makes_no_date_dirty(load, query) -> None:
    user = {"id": 1, "created_at": "2026-01-13T12:00:00Z", "updated_at": "2026-01-13T12:00:00Z"}
    load(user, stream="zendesk.users")
    result = load({**user, "updated_at": "2026-01-14T12:00:00Z", "active": False}, stream="zendesk.users")
    assert (counts(result), result.is_changed) == ((1, 1, 0, 0), False)
    assert dirty(query) == (False, None, None)
    assert query("select record ->> 'active' from raw.zendesk_users") == [("false",)]


def test_a_comment_that_came_late_makes_its_date_dirty(load, query) -> None:
    load(stream="zendesk.ticket_events")
    assert load({"id": 1, "timestamp": 1768305600}, stream="zendesk.ticket_events").is_changed
    assert dirty(query) == (True, day(13), LAST)


@pytest.mark.parametrize("source", ["zendesk", "pagerduty"])
def test_all_streams_of_the_simulator_are_loaded_and_add_up(source, apis, sandbox_launches, warehouse, landing, query) -> None:
    launch = load_launch(sandbox_launches, "emr-platform")
    first, last = dt.date(2026, 2, 17), dt.date(2026, 2, 19)  # with the great incident
    connection = get_connection(getattr(launch, source).connection)
    pulls = SPECS[source].extract(launch, connection, Dates(first, last), landing, lambda *_: None)
    assert [pull.manifest.stream for pull in pulls] == [stream.name for stream in SPECS[source].streams]
    with Loader(launch) as loader:
        results = [loader.load(pull) for pull in pulls]
    assert [result.landed for result in results] == [result.loaded + result.duplicates for result in results]
    assert {result.stream for result in results if not result.landed} == set()
    for result in results:
        assert query(f"select count(*) from raw.{source}_{result.stream}") == [(result.loaded,)]


def test_bad_records_go_to_quarantine_and_only_once(load, query) -> None:
    bad = [
        b"{",
        b"[]",
        {"created_at": "2026-01-13T12:00:00Z", "generated_timestamp": 1},
        {"id": 1, "generated_timestamp": 1},
        {"id": 2, "created_at": "yesterday", "generated_timestamp": 1},
        {"id": 3, "created_at": "2026-01-13T12:00:00", "generated_timestamp": 1},
        b'{"id":4,"created_at":"2026-01-13T12:00:00Z","generated_timestamp":1,"subject":"\\u0000"}',
        b'{"id":5,"created_at":"2026-01-13T12:00:00Z","generated_timestamp":1,"n":1e-20000}',
        {"id": 6, "created_at": "2026-01-13T12:00:00Z", "generated_timestamp": int(time.time()) + 90_000},
    ]
    expected = (len(bad) + 1, 1, 0, len(bad))
    assert counts(load(*bad, ticket(9))) == expected
    reasons = [row[0] for row in query("select reason from quarantine.records order by line_number")]
    for reason, start in zip(
        reasons,
        [
            "bad JSON",
            "not a record",
            "missing key 'id'",
            "missing key 'created_at'",
            "unreadable time",
            "unreadable time",
            "holds the",
            "PostgreSQL",
            "in the future",
        ],
        strict=True,
    ):
        assert reason.startswith(start)
    load(*bad, ticket(9))
    assert query("select count(*), count(distinct load_id) from quarantine.records") == [(len(bad), 1)]


def test_an_id_that_no_index_holds_costs_only_its_record(load, query) -> None:
    assert counts(load({**ticket(1), "id": secrets.token_hex(3_000)}, ticket(2))) == (2, 1, 0, 1)
    assert query("select reason from quarantine.records") == [("`id` is longer than 1,000 bytes",)]


def test_odd_records_of_a_page_cost_only_themselves(load, query) -> None:
    """From the answer of the API to the table: what is very deep, and numbers of thousands of digits."""
    deep, deeper = (b"[" * levels + b"1.50" + b"]" * levels for levels in (1_000, 50_000))
    start = b'{"id":%d,"created_at":"2026-01-13T12:00:00Z","generated_timestamp":1,"n":'
    values = [b"1.50", deep, deeper, b"9" * 4_301, b"9" * 140_000]
    page = b"[" + b",".join(start % number + value + b"}" for number, value in enumerate(values)) + b"]"
    assert counts(load(*map(write_json, read_json(page)))) == (5, 2, 0, 3)
    assert query("select id, record ->> 'n' from raw.zendesk_tickets order by 1") == [("0", "1.50"), ("1", deep.decode())]
    reasons = [row[0].split(":")[1] for row in query("select reason from quarantine.records order by line_number")]
    assert reasons == [" depth limit exceeded", *[" number is infinity when parsed as double"] * 2]


@pytest.mark.parametrize("value", [b"[" * 1_000 + b"]" * 1_000, b'"%s"' % (b"x" * 10_000)], ids=["deep", "long"])
def test_a_time_that_is_no_time_is_named_and_not_quoted(load, query, value: bytes) -> None:
    bad = b'{"id":1,"created_at":%s,"generated_timestamp":1}' % value
    assert counts(load(bad, ticket(9))) == (2, 1, 0, 1)
    assert query("select reason from quarantine.records") == [("unreadable time: `created_at` is not ISO 8601 with offset",)]


def dirty(query: Callable[..., list[tuple[Any, ...]]]) -> tuple[Any, ...]:
    return query("select is_changed, first_dirty_date, last_dirty_date from ops.partition_loads order by load_id desc limit 1")[0]


def day(number: int) -> dt.date:
    return dt.date(2026, 1, number)


def test_a_new_window_is_dirty_even_if_it_was_quiet(load, query) -> None:
    load()
    assert dirty(query) == (True, FIRST, LAST)
    load()
    assert dirty(query) == (False, None, None)


def test_a_new_window_is_dirty_only_where_no_window_was(load, query) -> None:
    load(window=Dates(day(10), day(12)))
    load(window=Dates(day(12), day(14)))
    assert dirty(query) == (True, day(13), day(14))
    load(window=Dates(day(5), day(20)))
    assert dirty(query) == (True, day(5), day(20))


def test_a_changed_ticket_makes_every_covered_date_dirty_from_its_own_on(load, query) -> None:
    load(ticket(7, 1, created="2026-01-11T02:00:00Z"), window=Dates(day(1), day(20)))  # the tenth in New York
    load(ticket(7, 2, created="2026-01-11T02:00:00Z"), window=Dates(day(12), day(12)))
    assert dirty(query) == (True, day(10), day(20))


def test_a_ticket_after_the_window_is_dirty_on_its_own_date(load, query) -> None:
    load(ticket(7, created="2026-01-30T12:00:00Z"), window=Dates(day(1), day(2)))
    assert dirty(query) == (True, day(1), day(30))


versions = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), max_size=10)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions, st.data())
def test_any_pages_duplicates_and_order_of_pulls_give_the_same_rows(warehouse, tmp_path, query, versions, data) -> None:
    """A record of one version always has one content, as the API guarantees."""
    records = [ticket(number, version, plan=f"{number}-{version}") for number, version in versions]
    latest = {str(number): max(version for other, version in versions if other == number) for number, _ in versions}
    order = data.draw(st.permutations(records + records[: len(records) // 2]))
    cut = data.draw(st.integers(0, len(order)))
    with psycopg.connect(warehouse) as session:
        session.execute("truncate raw.zendesk_tickets")
    landing = Landing(str(tmp_path / new_pull_id()))
    pulls = data.draw(st.permutations([land(landing, order[:cut]), land(landing, order[cut:])]))
    with Loader(LAUNCH) as loader:
        for pull in pulls:
            assert loader.load(pull).landed == pull.manifest.rows
    assert dict(query("select id, (record ->> 'generated_timestamp')::bigint - 1768300000 from raw.zendesk_tickets")) == latest
