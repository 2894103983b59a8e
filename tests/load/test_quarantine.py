"""Refused lines are found, shown and loaded again: nothing lost, nothing twice, and accounting closes afterwards."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import WarehouseError
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.load import entities as loader_entities
from postlaunch.load import events as loader_events
from postlaunch.load.loader import Loader
from postlaunch.load.quarantine import Choice, groups, record, replay
from postlaunch.load.rows import RefusedLineError

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
        "zendesk": {},
    }
)


def event(second: int, name: str = "Logged In") -> bytes:
    properties = {"time": MIDNIGHT + second, "distinct_id": "u1", "$insert_id": f"i{second}"}
    return json.dumps({"event": name, "properties": properties}).encode()


def ticket(number: int, day: int = 1, **fields: Any) -> bytes:
    return json.dumps({"id": number, "created_at": "2026-01-12T10:00:00Z", "updated_at": f"2026-02-{day:02}T00:00:00Z", **fields}).encode()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(str(tmp_path / "landing"))


@pytest.fixture
def load(warehouse: str, landing: Landing) -> Callable[..., Pull]:
    """Land lines of one date of events, or of a window of tickets, and load them."""

    def run(*lines: bytes, partition: Any = DAY) -> Pull:
        source, stream = ("mixpanel", "events") if isinstance(partition, dt.date) else ("zendesk", "tickets")
        window = LAUNCH.window(Dates.of(partition)) if isinstance(partition, dt.date) else LAUNCH.window(partition)
        writer = PartitionWriter(landing, source, "shop", stream, partition, new_pull_id(), window)  # type: ignore[arg-type]
        writer.write_all(lines)
        pull = writer.finalise({"timezone": "UTC"})
        with Loader(LAUNCH) as loader:
            loader.load(pull)
        return pull

    return run


@pytest.fixture
def query(warehouse: str) -> Callable[[str], list[tuple[Any, ...]]]:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(warehouse) as session:
            return session.execute(statement).fetchall()  # type: ignore[arg-type]

    return run


@pytest.fixture
def bug() -> Iterator[Callable[[], None]]:
    """A loader that refuses every line with the word Signed; calling it is the fix."""

    def refusing(read: Callable[..., Any]) -> Callable[..., Any]:
        def row(rows: Any, line: bytes, *place: Any) -> Any:
            if b"Signed" in line:
                raise RefusedLineError("bug: cannot read Signed")
            return read(rows, line, *place)

        return row

    with pytest.MonkeyPatch.context() as patch:  # of its own: what else the test has patched stays when the bug is gone
        for kind in (loader_events._EventRows, loader_entities._EntityRows):
            patch.setattr(kind, "_row", refusing(kind._row))
        yield patch.undo


def again(landing: Landing, choice: Choice | None = None) -> list[str]:
    return [each.summary for each in replay(choice or Choice(), landing, lambda _: LAUNCH)]


def test_records_are_counted_by_kind_and_chosen_by_launch_source_and_reason(load, query) -> None:
    load(event(1), b"{", b"not json", b'{"event":"x"}')
    load(b"{", partition=Dates(DAY, DAY + dt.timedelta(days=2)))
    found = [(each.source, each.reason, each.record_count, each.first_date, each.last_date) for each in groups(Choice())]
    assert found == [
        ("mixpanel", "bad JSON", 2, DAY, DAY),
        ("mixpanel", "missing key 'properties'", 1, DAY, DAY),
        ("zendesk", "bad JSON", 1, DAY, DAY + dt.timedelta(days=2)),
    ]
    assert [each.source for each in groups(Choice(reason="BAD json"))] == ["mixpanel", "zendesk"]
    assert [each.stream for each in groups(Choice(source="zendesk"))] == ["tickets"]
    assert groups(Choice(launch="other")) == []
    assert groups(Choice(reason="%")) == [], "a reason is text, no pattern"


def test_a_record_says_where_its_line_lies(load, query) -> None:
    pull = load(event(1), event(2), b'{"event": \xff')
    found = record(groups(Choice())[0].newest_id)
    assert (found.line_number, found.raw_line, found.partition_date) == (3, b'{"event": \xff', DAY)
    assert found.landing_path == str(pull.path / "part-0000.jsonl.gz")
    assert found.byte_offset is not None
    assert gzip.decompress(Path(found.landing_path).read_bytes())[found.byte_offset :] == b'{"event": \xff\n'
    with pytest.raises(WarehouseError, match=r"no record 999.*quarantine list"):
        record(999)


def test_events_that_pass_after_a_fix_are_loaded_and_the_others_stay_with_their_reason(load, query, landing, bug) -> None:
    load(event(1), event(2, "Signed Up"), event(3, "Signed Off"), b"{", event(1))
    assert again(landing) == [
        "mixpanel events 2026-01-12 of shop: 0 of 3 refused lines are loaded now; still refused: bug (2), bad JSON (1)"
    ]
    bug()
    assert again(landing, Choice(reason="bug")) == [
        "mixpanel events 2026-01-12 of shop: 2 of 3 refused lines are loaded now; still refused: bad JSON (1)"
    ]
    assert again(landing) == ["mixpanel events 2026-01-12 of shop: 0 of 1 refused lines are loaded now; still refused: bad JSON (1)"]
    assert query("select event_name, count(*) from raw.mixpanel_events group by 1 order by 1") == [
        ("Logged In", 1),
        ("Signed Off", 1),
        ("Signed Up", 1),
    ]
    assert query(
        "select landed_count, loaded_count, duplicate_count, quarantined_count, is_changed from ops.partition_loads "
        "order by load_id desc limit 1"
    ) == [(5, 3, 1, 1, True)]
    assert query("select count(*) from quarantine.records") == [(1,)]


def test_tickets_that_pass_after_a_fix_leave_quarantine_and_newer_versions_stay(load, query, landing, bug) -> None:
    first = Dates(DAY, DAY + dt.timedelta(days=6))
    load(ticket(1), ticket(2, subject="Signed"), ticket(3, subject="Signed"), b"{", partition=first)
    load(ticket(1, day=9, subject="newest"), b"{", partition=Dates.of(DAY))
    assert query("select count(*) from quarantine.records") == [(3,)], "the bad line came again and is kept once"
    bug()
    assert again(landing, Choice(source="zendesk")) == [
        "zendesk tickets 2026-01-12_2026-01-18 of shop: 2 of 2 refused lines are loaded now; still refused: bad JSON (1)",
        "zendesk tickets 2026-01-12_2026-01-12 of shop: 0 of 1 refused lines are loaded now; still refused: bad JSON (1)",
    ]
    assert query("select id, record ->> 'subject' from raw.zendesk_tickets order by id") == [
        ("1", "newest"),
        ("2", "Signed"),
        ("3", "Signed"),
    ]
    assert query("select reason from quarantine.records") == [("bad JSON: unexpected end of data: line 1 column 2 (char 1)",)]


def test_a_replay_takes_the_pull_that_is_loaded_not_a_newer_one_that_was_refused(load, query, landing) -> None:
    pull = load(*(event(second) for second in range(100)), b"{")
    shutil.copytree(Path(str(pull.path)), Path(str(pull.path)).with_name("29990101T000000000000Z-000000"))
    assert again(landing) == ["mixpanel events 2026-01-12 of shop: 0 of 1 refused lines are loaded now; still refused: bad JSON (1)"]
    assert query("select count(distinct pull_id) from ops.partition_loads") == [(1,)]


def test_a_pull_that_is_gone_is_named_and_does_not_stop_the_others(load, query, landing) -> None:
    pull = load(event(1), b"{")
    load(b"{", partition=Dates.of(DAY))
    shutil.rmtree(str(pull.path))
    first, second = again(landing)
    assert first.startswith("mixpanel events 2026-01-12 of shop: not loaded again, its refused lines (1) stay: ")
    assert "no manifest.json" in first
    assert second.endswith("0 of 1 refused lines are loaded now; still refused: bad JSON (1)")
    assert query("select count(*) from raw.mixpanel_events") == [(1,)]
    assert query("select count(*) from quarantine.records") == [(2,)]


def test_accounting_of_every_stream_is_counted_again_for_the_gate(load, query, bug, warehouse) -> None:
    load(event(1), event(2, "Signed Up"), b"{")
    load(ticket(1), b"{", partition=Dates.of(DAY))
    load(ticket(1), ticket(2), b"[", partition=Dates(DAY, DAY + dt.timedelta(days=1)))
    with psycopg.connect(warehouse, autocommit=True) as session:
        session.execute("insert into config.launches values ('shop', 'Shop', '2026-01-12', 'America/New_York', 7, 30, '{}')")
        session.execute("insert into ops.builds (status, is_full_refresh) values ('succeeded', false)")
        session.execute("update ops.partition_loads set build_id = 1 where is_changed")
    statement = "select stream, loaded_count, raw_count, quarantined_count, record_count from ops.accounting_audit order by stream"
    assert query(statement) == [("events", 1, 1, 2, 2), ("tickets", 1, 1, 1, 1)]
