"""Four connectors against every fault of the sandbox, from the API to the warehouse: the right rows, or a refusal that says why.

Each case is an ingest of its own into a launch of its own. What must come of it stands in the table `MATRIX`, by hand:

    RIGHT             the rows of an undisturbed ingest, none refused
    Right(reason)     the same rows; what was bad besides stands in quarantine, for this reason
    Refused(words)    a SourceError that names the source and says this; nothing of the stream is landed, nothing at all is loaded

A passing fault strikes so many requests and is over, a lasting one strikes all. Where an API has no such thing, the comment says what
comes nearest. The faults themselves: sandbox/apis/faults.py.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.config.launch import SOURCES, Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.config.settings import load_settings
from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.ingest import ingest
from postlaunch.sources import base
from sandbox.apis import Limits, create_app, faults
from sandbox.apis.faults import FAULTS, Fault, Faults
from sandbox.apis.server import running_server
from sandbox.state import source_connections
from tests.conftest import CLOCK, LAUNCH_DATE

WINDOWS = {  # short, and yet several pages of the small ones that faults make
    "mixpanel": (dt.date(2026, 1, 12), dt.date(2026, 1, 13)),
    "zendesk": (dt.date(2026, 4, 10), dt.date(2026, 4, 11)),
    "pagerduty": (dt.date(2026, 3, 1), dt.date(2026, 3, 30)),
    "prometheus": (dt.date(2026, 2, 17), dt.date(2026, 2, 17)),
}
STRUCK = {  # the requests that are struck, and the stream that they bring
    "mixpanel": ("/export", "events"),
    "zendesk": ("/incremental/tickets/cursor", "tickets"),
    "pagerduty": ("/log_entries", "log_entries"),
    "prometheus": ("/query_range", "samples"),
}
TABLES = """
    select relname from pg_class
    where relnamespace = 'raw'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname like %s and relname <> 'prometheus_series'
"""
HASH = """
    with kept as (select * from raw.{table} {labels} where launch_id = %(launch)s),
    plain as (
        select to_jsonb(kept) - array['launch_id', 'load_id', 'series_id', 'version_at', 'source_order']
            #- array['record', %(field)s] #- array['properties', %(field)s] as row
        from kept
    )
    select count(*) || ' ' || coalesce(sum(hashtextextended(row::text, 0)), 0) from plain
"""


@dataclass(frozen=True)
class Right:
    """`reason`: what quarantine says of every record that it holds. `field`: (name, its JSON type now), where the schema changed."""

    reason: str | None = None
    field: tuple[str, str | None] | None = None


@dataclass(frozen=True)
class Refused:
    """`words`: a pattern of what follows `source: `."""

    words: str
    error: type[SourceError] = SourceError


Outcome = Right | Refused

RIGHT = Right()
AUTH = Refused("answered 40[13], it refuses the credentials.*check login and password of AIRFLOW_CONN_POSTLAUNCH_", SourceAuthError)
LIMIT = Refused("answered 429, its call limit is used up")
TROUBLE = Refused("answered 500, the API has trouble")
BROKEN = Refused("is not complete: the connection broke|no answer from")
SHORT = Refused(r"is not complete: the connection broke: .*received \d+ bytes, expected \d+|no answer from")
NOT_JSON = Refused("did not answer with .*JSON")
STILL = Refused("stands still|is not complete")


def row(mixpanel: Outcome, zendesk: Outcome, pagerduty: Outcome, prometheus: Outcome) -> dict[str, Outcome]:
    """One line of the table."""
    return {"mixpanel": mixpanel, "zendesk": zendesk, "pagerduty": pagerduty, "prometheus": prometheus}


LASTING = None
MATRIX: dict[tuple[str, int | None], dict[str, Outcome]] = {
    # (fault, requests that it strikes)    mixpanel, zendesk, pagerduty, prometheus
    #
    # refusals: those of the credentials are never tried again
    ("401", 1): row(AUTH, AUTH, AUTH, AUTH),
    ("401", LASTING): row(AUTH, AUTH, AUTH, AUTH),
    ("403", 1): row(AUTH, AUTH, AUTH, AUTH),
    ("403", LASTING): row(AUTH, AUTH, AUTH, AUTH),
    ("429", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("429", LASTING): row(LIMIT, LIMIT, LIMIT, LIMIT),
    ("429-retry-after", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("429-retry-after", LASTING): row(LIMIT, LIMIT, LIMIT, LIMIT),
    ("429-clock-ahead", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("429-clock-ahead", LASTING): row(LIMIT, LIMIT, LIMIT, LIMIT),
    ("500", 2): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("500", LASTING): row(TROUBLE, TROUBLE, TROUBLE, TROUBLE),
    #
    # the wire
    ("reset", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("reset", LASTING): row(BROKEN, BROKEN, BROKEN, BROKEN),
    ("slow-drip", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("short-length", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("short-length", LASTING): row(SHORT, SHORT, SHORT, SHORT),
    ("broken-chunk", 1): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("broken-chunk", LASTING): row(BROKEN, BROKEN, BROKEN, BROKEN),
    # JSON is one line: it ends in the middle of it, and half a document is none
    ("silent-close", 1): row(RIGHT, NOT_JSON, NOT_JSON, NOT_JSON),
    ("silent-close", LASTING): row(Refused("is not complete: it carries neither a length"), NOT_JSON, NOT_JSON, NOT_JSON),
    # JSON has no such line: half a document with it behind
    ("terminated-early", 1): row(RIGHT, NOT_JSON, NOT_JSON, NOT_JSON),
    ("terminated-early", LASTING): row(Refused("is not complete: it says `export terminated early`"), NOT_JSON, NOT_JSON, NOT_JSON),
    #
    # what an answer says
    ("not-json", 1): row(NOT_JSON, NOT_JSON, NOT_JSON, NOT_JSON),
    ("not-json", LASTING): row(NOT_JSON, NOT_JSON, NOT_JSON, NOT_JSON),
    # Prometheus: a series that is not an object
    ("malformed", LASTING): row(Right("bad JSON"), Right("not a record"), Right("not a record"), NOT_JSON),
    # Mixpanel: without the event's name; Prometheus: a series without labels
    ("without-id", LASTING): row(Right("missing key 'event'"), Right("missing key 'id'"), Right("missing key 'id'"), NOT_JSON),
    ("bad-time", LASTING): row(Right("unreadable time"), Right("unreadable time"), Right("unreadable time"), Right("unreadable sample")),
    ("repeated-records", LASTING): row(RIGHT, RIGHT, RIGHT, RIGHT),
    #
    # clocks
    ("clock-ahead", LASTING): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("future-records", LASTING): row(
        Right("outside the partition"), Right("in the future"), Right("in the future"), Right("outside the partition")
    ),
    #
    # schema: kept as it was sent. Prometheus: numbers instead of texts mean the same; a series without values cannot be read
    ("new-field", LASTING): row(
        Right(field=("sandbox_field", "object")), Right(field=("sandbox_field", "object")), Right(field=("sandbox_field", "object")), RIGHT
    ),
    ("changed-type", LASTING): row(
        Right(field=("site", "array")), Right(field=("subject", "array")), Right(field=("summary", "array")), RIGHT
    ),
    ("missing-field", LASTING): row(Right(field=("site", None)), Right(field=("subject", None)), Right(field=("summary", None)), NOT_JSON),
    #
    # pages. Mixpanel has none: empty lines; the days before those asked for; the later half twice.
    # Prometheus: a series without samples; the first chunk for ever; chunks that begin two steps early
    ("empty-page", LASTING): row(RIGHT, RIGHT, RIGHT, RIGHT),
    ("stuck-cursor", LASTING): row(Refused("other days than"), STILL, STILL, Refused("other times than|outside")),
    ("overlapping-pages", LASTING): row(RIGHT, RIGHT, RIGHT, RIGHT),
}
CASES = [
    pytest.param(fault, times, source, outcome, id=f"{fault}-{'lasting' if times is LASTING else f'{times}x'}-{source}")
    for (fault, times), outcomes in MATRIX.items()
    for source, outcome in outcomes.items()
]


@pytest.fixture(scope="module", autouse=True)
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    """The faults of simulators that every connection points at; patience is short."""
    app = create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none())
    with running_server(app) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in source_connections(url).items():
            patch.setenv(name, f"{value}/?limits=none")  # the budget of calls is not what is tested here
        patch.setenv("POSTLAUNCH_LANDING", str(tmp_path_factory.mktemp("landing")))
        patch.setattr(base.PATIENCE, "attempts", 3)
        patch.setattr(base.PATIENCE, "first_wait", 0.01)
        patch.setattr(base.PATIENCE, "longest_wait", 0.02)
        patch.setattr(base.PATIENCE, "longest_told_wait", 10.0)
        patch.setattr(faults, "DRIP_SECONDS", 0.3)
        yield app.state.faults


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_warehouse, autocommit=True) as session:
        yield session


@pytest.fixture(scope="module")
def emr(sandbox_launches: Path) -> Launch:
    """The launch of the story with all services of the account: what is broken must not be passed over as another launch's."""
    emr = load_launch(sandbox_launches, "emr-platform")
    assert emr.pagerduty is not None
    return emr.model_copy(update={"pagerduty": emr.pagerduty.model_copy(update={"services": ()})})


@pytest.fixture(scope="module")
def undisturbed(session: psycopg.Connection, emr: Launch, struck: Faults) -> Callable[[Source], str]:
    """Name of the launch with the rows of an ingest without faults, made when it is first asked for."""

    @cache
    def of(source: Source) -> str:
        struck.clear()
        name = f"{source}-undisturbed"
        result = ingest(source, emr.model_copy(update={"launch": name}), *WINDOWS[source])
        assert result.loaded > 30
        assert result.quarantined == 0
        return name

    return of


def rows(session: psycopg.Connection, source: Source, launch: str, without: str = "") -> dict[str, str]:
    """Number and hash of the rows of every table of a source; `without` a field of the records."""
    found = {}
    for (table,) in session.execute(TABLES, [f"{source}\\_%"]).fetchall():
        labels = "inner join raw.prometheus_series using (launch_id, metric_id, series_id)" if table == "prometheus_samples" else ""
        statement = HASH.format(table=table, labels=labels)
        row = session.execute(statement, {"launch": launch, "field": without}).fetchone()  # type: ignore[arg-type]
        found[table] = row[0] if row else ""
    return found


@pytest.mark.parametrize(("fault", "times", "source", "outcome"), CASES)
def test_a_fault_ends_in_the_right_rows_or_in_a_refusal(
    fault: str,
    times: int | None,
    source: Source,
    outcome: Outcome,
    session: psycopg.Connection,
    emr: Launch,
    struck: Faults,
    undisturbed: Callable[[Source], str],
) -> None:
    expected, launch = undisturbed(source), emr.model_copy(update={"launch": f"{source}-{fault}-{times or 'lasting'}"})
    path, stream = STRUCK[source]
    struck.put([Fault(source, fault, times=times, path=path)])
    if isinstance(outcome, Refused):
        with pytest.raises(SourceError, match=rf"^{source}: .*({outcome.words})") as refusal:
            ingest(source, launch, *WINDOWS[source])
        assert isinstance(refusal.value, SourceAuthError) == (outcome.error is SourceAuthError)
        _nothing_is_loaded(session, source, launch.launch, str(refusal.value))
        assert stream not in _landed_streams(source, launch.launch)
    else:
        ingest(source, launch, *WINDOWS[source])
        without = outcome.field[0] if outcome.field else ""
        assert rows(session, source, launch.launch, without) == rows(session, source, expected, without)
        _accounting_closes(session, launch.launch, outcome.reason)
        if outcome.field:
            _field_is_as_sent(session, f"raw.{source}_{stream}", launch.launch, *outcome.field)
    (active,) = struck.state()["active"]
    assert active["struck"] == times if times else active["struck"] > 0


def _nothing_is_loaded(session: psycopg.Connection, source: Source, launch: str, reason: str) -> None:
    assert {count.split()[0] for count in rows(session, source, launch).values()} == {"0"}
    for table in ("ops.partition_loads", "quarantine.records"):
        assert session.execute(f"select count(*) from {table} where launch_id = %s", [launch]).fetchone() == (0,)
    assert session.execute("select status, error from ops.ingest_runs where launch_id = %s", [launch]).fetchall() == [("failed", reason)]


def _landed_streams(source: Source, launch: str) -> set[str]:
    """The streams with a manifest. No file stands without one."""
    folder = Path(load_settings().landing) / source / launch
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.parent for path in files} == {path.parent for path in files if path.name == "manifest.json"}
    return {path.relative_to(folder).parts[0] for path in files}


def _accounting_closes(session: psycopg.Connection, launch: str, reason: str | None) -> None:
    """Every row that landed was loaded, was there already, or stands in quarantine with a reason."""
    counts: list[tuple[Any, ...]] = session.execute(
        "select landed_count, loaded_count + duplicate_count + quarantined_count, quarantined_count "
        "from ops.partition_loads where launch_id = %s",
        [launch],
    ).fetchall()
    assert counts
    assert [(landed, told) for landed, told, _ in counts if landed != told] == []
    reasons = [row[0] for row in session.execute("select reason from quarantine.records where launch_id = %s", [launch])]
    assert sum(quarantined for *_, quarantined in counts) == len(reasons)
    assert [each for each in reasons if not re.search(reason or "never", each)] == []
    assert bool(reasons) == (reason is not None)
    assert session.execute("select status, error from ops.ingest_runs where launch_id = %s", [launch]).fetchall() == [("succeeded", None)]


def _field_is_as_sent(session: psycopg.Connection, table: str, launch: str, name: str, kind: str | None) -> None:
    column = "properties" if table == "raw.mixpanel_events" else "record"
    kinds = session.execute(f"select distinct jsonb_typeof({column} -> %s) from {table} where launch_id = %s", [name, launch])
    assert {row[0] for row in kinds} == {kind}


@pytest.mark.parametrize("source", SOURCES)
def test_a_connection_that_breaks_on_a_later_request_leaves_nothing_half_landed(source, session, emr, struck) -> None:
    first, last = WINDOWS[source]
    if source == "mixpanel":
        first -= dt.timedelta(days=31)  # the second call: a call takes 31 days
    launch = emr.model_copy(update={"launch": f"{source}-later"})
    struck.put([Fault(source, "reset", from_request=2)])
    with pytest.raises(SourceError, match=rf"^{source}: .*({BROKEN.words})") as refusal:
        ingest(source, launch, first, last)
    assert struck.state()["active"][0]["seen"] > 1
    _nothing_is_loaded(session, source, launch.launch, str(refusal.value))
    _landed_streams(source, launch.launch)


@pytest.mark.parametrize("source", SOURCES)
def test_a_refusal_leaves_the_rows_of_before(source, session, emr, struck, undisturbed) -> None:
    launch = undisturbed(source)
    before = rows(session, source, launch)
    struck.put([Fault(source, "silent-close")])
    with pytest.raises(SourceError, match=f"^{source}: "):
        ingest(source, emr.model_copy(update={"launch": launch}), *WINDOWS[source])
    assert rows(session, source, launch) == before


@pytest.mark.parametrize("source", SOURCES)
def test_a_wait_that_is_asked_for_is_kept(source, session, emr, struck, monkeypatch) -> None:
    struck.put([Fault(source, "429-retry-after", times=1)])
    moments, due = [], struck.due

    def timed(path: str) -> Any:
        moments.append(time.monotonic())
        return due(path)

    monkeypatch.setattr(struck, "due", timed)
    ingest(source, emr.model_copy(update={"launch": f"{source}-wait"}), *WINDOWS[source])
    assert moments[1] - moments[0] >= 1


def test_the_table_has_every_fault_and_every_source() -> None:
    assert [fault for fault in FAULTS if fault not in {fault for fault, _ in MATRIX}] == []
    assert [case for case, outcomes in MATRIX.items() if set(outcomes) != set(SOURCES)] == []
