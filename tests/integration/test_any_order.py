"""However the answers are paged and repeated, and in whatever order the windows come: the same rows.

    fixed records  ->  a fake of the four APIs  ->  ingest(windows in some order)  ->  rows  =  those of the whole window at once

What hypothesis draws: the size of pages, how often a page is empty or a record repeated (or told as it was before its last change), where
the window is cut, which parts are pulled again, and in which order. Every example is a launch of its own.
"""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from postlaunch.config.launch import SOURCES, Launch, Source
from postlaunch.dates import Dates
from postlaunch.ingest import ingest
from postlaunch.sources.mixpanel import extract as mixpanel
from postlaunch.sources.pagerduty import client as pagerduty_client
from postlaunch.sources.prometheus import extract as prometheus
from postlaunch.sources.registry import SPECS
from sandbox.apis.faults import Faults
from sandbox.apis.server import running_server
from tests.sources.conftest import make_launch

FIRST, DAYS = dt.date(2026, 3, 5), 6  # New York's clocks go forward on the 8th
STEP = 600
SECTIONS: dict[str, Any] = {
    "mixpanel": {"project_id": 1},
    "zendesk": {},
    "pagerduty": {"services": ["S0", "S1"], "severities": {"high": "P1"}},
    "prometheus": {
        "step_seconds": STEP,
        "gap_seconds": 300,
        "resources": [{"id": name, "name": name, "query": name, "unit": "ratio", "trigger": 0.9} for name in ("cpu", "disk")],
    },
}
LAUNCH = make_launch(**SECTIONS)
START, END = (int(moment.timestamp()) for moment in LAUNCH.window(Dates(FIRST, FIRST + dt.timedelta(days=DAYS - 1))))
BAD = {"status": "bad"}  # without id: it belongs into quarantine, once

Tables = dict[str, list[str]]
Window = tuple[int, int]  # numbers of days, both inclusive


def rows(session: psycopg.Connection, source: Source, launch: str) -> Tables:
    """The rows of every table of a source and what is quarantined, as text, without what tells one load from another."""
    found = {f"{source}_{stream.name}": _rows(session, source, stream.name, launch) for stream in SPECS[source].streams}
    refused = session.execute(
        "select distinct stream || ': ' || reason || ': ' || encode(raw_line, 'escape') from quarantine.records "
        "where launch_id = %s and source = %s",
        [launch, source],
    ).fetchall()
    return {**found, "quarantine": sorted(row[0] for row in refused)}


def _rows(session: psycopg.Connection, source: Source, stream: str, launch: str) -> list[str]:
    dropped = ["launch_id", "load_id", "series_id", "source_order"]  # the last: answers come shuffled
    if SPECS[source].stream(stream).is_snapshot:
        dropped.append("version_at")  # the moment of the pull
    labels = "inner join raw.prometheus_series using (launch_id, metric_id, series_id)" if source == "prometheus" else ""
    statement = (
        f"select (to_jsonb(kept) - %s::text[])::text from (select * from raw.{source}_{stream} {labels}) as kept where launch_id = %s"
    )
    return sorted(row[0] for row in session.execute(statement, [dropped, launch]))  # type: ignore[arg-type]


def difference(found: Tables, expected: Tables) -> list[str]:
    """What is missing (-) and what is too much (+), of each table some."""
    gone = [f"- {table} {row}" for table in expected for row in sorted(set(expected[table]) - set(found[table]))[:3]]
    more = [f"+ {table} {row}" for table in found for row in sorted(set(found[table]) - set(expected[table]))[:3]]
    sizes = [f"{table}: {len(found[table])} rows" for table in expected if len(found[table]) != len(expected[table])]
    return [*gone, *more, *sizes]


def accounting_is_closed(session: psycopg.Connection, launch: str) -> None:
    """Every row that landed was loaded, was there already, or stands in quarantine; and every row of raw has its load."""
    open_loads = session.execute(
        "select count(*), count(*) filter (where landed_count <> loaded_count + duplicate_count + quarantined_count) "
        "from ops.partition_loads where launch_id = %s",
        [launch],
    ).fetchone()
    assert open_loads
    assert open_loads[0] > 0
    assert open_loads[1] == 0
    for table in itertools.chain(*([f"{source}_{stream.name}" for stream in SPECS[source].streams] for source in SOURCES)):
        orphans = session.execute(
            f"select count(*) from raw.{table} as kept where launch_id = %s "  # type: ignore[arg-type]
            "and not exists (select from ops.partition_loads as load where load.load_id = kept.load_id)",
            [launch],
        ).fetchone()
        assert orphans == (0,), table


# --- what the APIs hold -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A record, the second under which the API tells it, and what it was before its last change."""

    at: int
    record: dict[str, Any]
    before: dict[str, Any] | None = None


def iso(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def moments(name: str, count: int, start: int = START, end: int = END) -> list[int]:
    return sorted(Random(name).sample(range(start, end), count))


def facts(name: str, count: int, start: int = START) -> list[Entry]:
    """Records that never change."""
    return [Entry(at, _told(number, at, at, name)) for number, at in enumerate(moments(name, count, start), 1)]


def changing(name: str, count: int, start: int = START) -> list[Entry]:
    """Records that changed last at the moment under which they are told, and once before."""
    return [
        Entry(at, _told(number, at - 3600, at, "new"), _told(number, at - 3600, at - 1800, "old"))
        for number, at in enumerate(moments(name, count, start), 1)
    ]


def _told(number: int, created: int, changed: int, status: str) -> dict[str, Any]:
    times = {"created_at": iso(created), "updated_at": iso(changed), "time": iso(changed), "generated_timestamp": changed}
    return {"id": number, "status": status, **times, "timestamp": changed}


def events() -> list[Entry]:
    """Every tenth has no `$insert_id`, every fourth has `time` behind another property; processed again later, they may say more."""
    found = []
    for number, at in enumerate(moments("events", 240, START - 86_400, END + 86_400)):
        keys: dict[str, Any] = {"distinct_id": f"user-{number % 7}", "mp_processing_time_ms": (at + 60) * 1000, "plan": "new"}
        keys |= {} if number % 10 == 0 else {"$insert_id": f"insert-{number}"}
        properties = {"plan": "new", "time": at, **keys} if number % 4 == 0 else {"time": at, **keys}
        old = {**properties, "mp_processing_time_ms": (at + 30) * 1000, "plan": "old"}
        found.append(Entry(at, {"event": "Opened", "properties": properties}, {"event": "Opened", "properties": old}))
    return found


ZENDESK = {
    "tickets": [*changing("tickets", 50), Entry(END - 1, BAD | {"created_at": iso(START), "updated_at": iso(END)})],
    "ticket_metric_events": facts("ticket_metric_events", 60),
    "ticket_events": facts("ticket_events", 60),
    "satisfaction_ratings": changing("satisfaction_ratings", 12),
    "users": changing("users", 30, START - 30 * 86_400),
    "organizations": changing("organizations", 9, START - 30 * 86_400),
}
BESIDE = {"users": 20, "organizations": 6}  # so many of them stand beside tickets
ZENDESK_LISTS = {"sla_policies": changing("sla_policies", 5), "schedules": changing("schedules", 2)}
HOLIDAYS = [Entry(START, {"id": number, "name": f"holiday {number}", "start_date": "2026-07-04"}) for number in range(4)]

OLD_INCIDENTS = 5  # created before the window, changed within
INCIDENTS = {
    f"Q{number}": Entry(
        at,
        {
            "id": f"Q{number}",
            "status": "resolved",
            "created_at": iso(at),
            "updated_at": iso(at + 7200),
            "service": {"id": f"S{number % 3}"},
        },
        {"id": f"Q{number}", "status": "triggered", "created_at": iso(at), "updated_at": iso(at), "service": {"id": f"S{number % 3}"}},
    )
    for number, at in enumerate(moments("old", OLD_INCIDENTS, START - 86_400, START) + moments("incidents", 25))
}
LOG_ENTRIES = [
    Entry(
        at,
        {
            "id": f"R{number}",
            "type": "annotate_log_entry" if number % 5 == 0 else "acknowledge_log_entry",
            "created_at": iso(at),
            "incident": {"id": f"Q{number % len(INCIDENTS)}"},
            "service": {"id": f"S{number % len(INCIDENTS) % 3}"},
        },
    )
    for number, at in enumerate(moments("log", 80))
]
PAGERDUTY_LISTS = {
    "services": [
        Entry(START, {"id": f"S{number}", "updated_at": iso(START + number), "escalation_policy": {"id": f"E{number % 2}"}})
        for number in range(3)
    ],
    "priorities": [Entry(START, {"id": f"P{number}", "name": f"P{number}"}) for number in range(4)],
    "escalation_policies": [Entry(START, {"id": f"E{number}", "updated_at": iso(START)}) for number in range(3)],
    "schedules": [
        Entry(START, {"id": f"D{number}", "updated_at": iso(START), "escalation_policies": [{"id": f"E{number}"}]}) for number in range(3)
    ],
}
CHANGE_EVENTS = [
    Entry(at, {"id": f"C{number}", "timestamp": iso(at), "services": [{"id": "S0"}], "custom_details": {"version": f"1.{number}"}})
    for number, at in enumerate(moments("change", 9))
]
DUTIES = [
    {"escalation_policy": {"id": f"E{number % 2}"}, "escalation_level": 1, "schedule": {"id": "D0"}, "user": {"id": f"U{number}"}}
    | {"start": iso(START + (number - 1) * 43_200), "end": iso(START + number * 43_200)}
    for number in range(14)
]


# --- how they tell it -------------------------------------------------------------------------------------------------------


@dataclass
class Paging:
    """`size`: records of a page; `mess`: how likely a record is repeated, or a page empty."""

    random: Random = field(default_factory=lambda: Random(0))
    size: int = 1000
    mess: float = 0.0
    told: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    was_empty: bool = False

    def begin(self, seed: int, size: int, mess: float) -> None:
        self.random, self.size, self.mess, self.told = Random(seed), size, mess, {}

    def stream(self, name: str, entries: list[Entry]) -> list[tuple[int, dict[str, Any]]]:
        """The records in the order of their telling, some of them more than once, or as they were before."""
        if name not in self.told:
            found = [(entry.at, entry.record) for entry in entries]
            for entry in entries:
                if entry.at >= START and self.random.random() < self.mess:
                    place = self.random.randrange(len(found))
                    copy = entry.before if entry.before and self.random.random() < 0.5 else entry.record
                    found.insert(place, (found[place][0], copy))
            self.told[name] = found
        return self.told[name]

    def page(self, found: list[Any], start: int) -> list[Any]:
        """Some records from a position on; none, now and then, but not twice running."""
        self.was_empty = not self.was_empty and self.random.random() < self.mess
        return [] if self.was_empty else found[start : start + self.random.randint(1, self.size)]


PAGING = Paging()


def export(request: Request) -> Response:
    query = request.query_params
    start = dt.datetime.fromisoformat(f"{query['from_date']}T00:00:00+00:00").timestamp()
    end = dt.datetime.fromisoformat(f"{query['to_date']}T00:00:00+00:00").timestamp() + 86_400
    inside = [entry for entry in events() if start <= entry.at < end]
    keyed = [entry for entry in inside if "$insert_id" in entry.record["properties"]]
    told = [record for _, record in PAGING.stream(f"events {start} {end} {len(PAGING.told)}", keyed)]
    told += [entry.record for entry in inside if entry not in keyed]
    told += [{"properties": {"time": START + 7200}}] if start <= START + 7200 < end else []  # without a name
    PAGING.random.shuffle(told)
    text = "".join(f"{json.dumps(line)}\n" + "\n" * (PAGING.random.random() < PAGING.mess) for line in told)
    return Response(gzip.compress(text.encode()), headers={"Content-Encoding": "gzip"})


def by_cursor(name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        query = request.query_params
        found = PAGING.stream(name, ZENDESK[name])
        start, number = map(int, query["cursor"].split("-")) if "cursor" in query else (_position(found, query["start_time"]), 0)
        page = PAGING.page(found, start)
        told = [record for _, record in page]
        following = {"after_cursor": f"{start + len(page)}-{number + 1}", "end_of_stream": start + len(page) == len(found)}
        return JSONResponse({name: told, **following, **(_beside(told) if name == "tickets" else {})})

    return answer


def _beside(tickets: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Users and organizations of a page's tickets; those that changed within the window may come as they were: their export tells more."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in BESIDE:
        entries = [entry for entry in ZENDESK[name] if entry.record["id"] in {_related(name, ticket) for ticket in tickets}]
        is_old = PAGING.random.random() < PAGING.mess
        found[name] = [entry.before if is_old and entry.before and entry.at >= START else entry.record for entry in entries]
    return found


def _related(name: str, ticket: dict[str, Any]) -> int:
    return ticket.get("id", 0) % BESIDE[name] + 1


def by_time(name: str) -> Callable[[Request], Response]:
    """The next page begins with the last second of this one; an empty page goes on just before the next record."""

    def answer(request: Request) -> Response:
        found = PAGING.stream(name, ZENDESK[name])
        since = int(request.query_params["start_time"])
        start = _position(found, str(since))
        page = PAGING.page(found, start)
        end = start + len(page)
        while end < len(found) and page and found[end - 1][0] <= since:
            end += 1
        if not page and end < len(found) and found[end][0] - 1 <= since:
            end = next((place for place in range(end, len(found)) if found[place][0] > since), len(found) - 1) + 1
        told = [record for _, record in found[start:end]]
        last = found[end - 1][0] if told else found[end][0] - 1 if end < len(found) else since
        return JSONResponse({name: told, "end_time": last, "end_of_stream": end >= len(found)})

    return answer


def _position(found: list[tuple[int, Any]], since: str) -> int:
    return next((place for place, (at, _) in enumerate(found) if at >= int(since)), len(found))


def ratings(request: Request) -> Response:
    query = request.query_params
    found = PAGING.stream("satisfaction_ratings", ZENDESK["satisfaction_ratings"])
    start, number = map(int, query["page[after]"].split("-")) if "page[after]" in query else (_position(found, query["start_time"]), 0)
    page = PAGING.page(found, start)
    meta = {"has_more": start + len(page) < len(found), "after_cursor": f"{start + len(page)}-{number + 1}"}
    return JSONResponse({"satisfaction_ratings": [record for _, record in page], "meta": meta})


def by_number(name: str, entries: list[Entry]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        start, number = map(int, request.query_params.get("page", "0-1").split("-"))
        found = PAGING.stream(name, entries)
        page = PAGING.page(found, start)
        end = start + len(page)
        link = f"https://elsewhere.invalid/list?page={end}-{number + 1}" if end < len(found) else None
        return JSONResponse({name: [record for _, record in page], "next_page": link})

    return answer


def by_offset(name: str, inside: Callable[[Request], list[Entry]]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        query = request.query_params
        found = PAGING.stream(f"{name} {query.get('since')} {query.get('until')}", inside(request))
        offset = int(query.get("offset", "0"))
        page = PAGING.page(found, offset)[: int(query["limit"])]
        more = offset + len(page) < len(found)
        document = {name: [record for _, record in page], "offset": offset, "limit": len(page), "total": len(found), "more": more}
        return JSONResponse(document)

    return answer


def _span(request: Request) -> tuple[float, float]:
    since, until = (dt.datetime.fromisoformat(request.query_params[name]).timestamp() for name in ("since", "until"))
    return since, until


def _within(entries: list[Entry]) -> Callable[[Request], list[Entry]]:
    def inside(request: Request) -> list[Entry]:
        since, until = _span(request)
        return [entry for entry in entries if since <= entry.at < until]

    return inside


def _duties(request: Request) -> list[Entry]:
    since, until = (iso(int(moment)) for moment in _span(request))
    return [Entry(START, duty) for duty in DUTIES if duty["start"] < until and duty["end"] > since]


def incident(request: Request) -> Response:
    return JSONResponse({"incident": INCIDENTS[request.path_params["id"]].record})


def notes(request: Request) -> Response:
    name = request.path_params["id"]
    return JSONResponse({"notes": [{"id": f"N-{name}-{number}", "created_at": iso(START + number)} for number in range(3)]})


async def query_range(request: Request) -> Response:
    """Points that only repeat an older sample come too, and are named by the second query."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    instants = range(int(form["start"]), int(form["end"]) + 1, int(form["step"]))
    if "timestamp(" in form["query"]:
        name = form["query"].removeprefix("time() - timestamp(").split(")")[0]
        told = [(labels, [[t, "600"] for t in instants if is_repeated(labels, t)]) for labels in _series(name)]
    else:
        told = [({"__name__": form["query"], **labels}, _samples(labels, instants)) for labels in _series(form["query"])]
    PAGING.random.shuffle(told)
    result = [
        {"metric": dict(PAGING.random.sample(sorted(labels.items()), len(labels))), "values": values} for labels, values in told if values
    ]
    return JSONResponse({"status": "success", "data": {"resultType": "matrix", "result": result}})


def _series(name: str) -> list[dict[str, str]]:
    return [{"job": name, "instance": str(number)} for number in range(3)]


def is_missing(labels: dict[str, str], t: int) -> bool:
    return t // STEP % 37 in (5, 6 + int(labels["instance"]))


def is_repeated(labels: dict[str, str], t: int) -> bool:
    return not is_missing(labels, t) and t // STEP % 41 == int(labels["instance"])


def _samples(labels: dict[str, str], instants: range) -> list[list[Any]]:
    found = [[t, "NaN" if t // STEP % 50 == 0 else str(t % 997)] for t in instants if not is_missing(labels, t)]
    return [sample for sample in found for _ in range(1 + (PAGING.random.random() < PAGING.mess))]


ROUTES = [
    Route("/api/2.0/export", export),
    Route("/api/v2/incremental/tickets/cursor.json", by_cursor("tickets")),
    Route("/api/v2/incremental/ticket_metric_events.json", by_time("ticket_metric_events")),
    Route("/api/v2/incremental/ticket_events.json", by_time("ticket_events")),
    Route("/api/v2/satisfaction_ratings.json", ratings),
    Route("/api/v2/incremental/users/cursor.json", by_cursor("users")),
    Route("/api/v2/incremental/organizations.json", by_time("organizations")),
    Route("/api/v2/slas/policies", by_number("sla_policies", ZENDESK_LISTS["sla_policies"])),
    Route("/api/v2/business_hours/schedules", by_number("schedules", ZENDESK_LISTS["schedules"])),
    Route("/api/v2/business_hours/schedules/{id}/holidays", by_number("holidays", HOLIDAYS)),
    Route("/log_entries", by_offset("log_entries", _within(LOG_ENTRIES))),
    Route("/incidents", by_offset("incidents", _within(list(INCIDENTS.values())))),
    Route("/incidents/{id}", incident),
    Route("/incidents/{id}/notes", notes),
    *(Route(f"/{name}", by_offset(name, lambda _, found=entries: found)) for name, entries in PAGERDUTY_LISTS.items()),
    Route("/oncalls", by_offset("oncalls", _duties)),
    Route("/change_events", by_offset("change_events", _within(CHANGE_EVENTS))),
    Route("/api/v1/query_range", query_range, methods=["POST"]),
]


@pytest.fixture(scope="module", autouse=True)
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    app = Starlette(routes=ROUTES)
    app.state.faults = Faults()
    with running_server(app) as url, pytest.MonkeyPatch.context() as patch:  # type: ignore[arg-type]
        for source in SOURCES:
            patch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", f"{url.replace('://', '://robot:secret@')}?limits=none")
        patch.setenv("POSTLAUNCH_LANDING", str(tmp_path_factory.mktemp("landing")))
        yield


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_warehouse, autocommit=True) as session:
        yield session


def pull(source: Source, launch: Launch, window: Window) -> None:
    ingest(source, launch, *(FIRST + dt.timedelta(days=number) for number in window))


@pytest.fixture(scope="module")
def whole(session: psycopg.Connection, fakes: None) -> Callable[[Source], Tables]:
    """The rows of one ingest of the whole window, in large pages without repeats."""

    @cache
    def of(source: Source) -> Tables:
        PAGING.begin(0, 1000, 0.0)
        pull(source, LAUNCH.model_copy(update={"launch": "whole"}), (0, DAYS - 1))
        return rows(session, source, "whole")

    return of


def test_the_whole_window_brings_what_the_apis_hold(whole: Callable[[Source], Tables]) -> None:
    tables = {source: whole(source) for source in SOURCES}
    ours = [number for number in range(len(INCIDENTS)) if number % 3 < 2]
    annotated = {number % len(INCIDENTS) for number in range(0, 80, 5)} & set(ours)
    instants = range(START + -START % STEP, END, STEP)
    samples = sum(
        not is_missing(labels, t) and not is_repeated(labels, t) for t in instants for name in ("cpu", "disk") for labels in _series(name)
    )
    counts = {table: len(found) for each in tables.values() for table, found in each.items() if table != "quarantine"}
    assert counts == {
        "mixpanel_events": sum(START <= entry.at < END for entry in events()),
        "mixpanel_profiles": 0,
        **{f"zendesk_{name}": len(entries) for name, entries in (ZENDESK | ZENDESK_LISTS).items()},
        "zendesk_tickets": 50,
        **{
            f"zendesk_{name}": sum(entry.at >= START or entry.record["id"] <= count for entry in ZENDESK[name])
            for name, count in BESIDE.items()
        },
        "zendesk_holidays": len(HOLIDAYS),
        "pagerduty_log_entries": sum(number % len(INCIDENTS) % 3 < 2 for number in range(80)),
        "pagerduty_incidents": len(ours),
        "pagerduty_notes": 3 * len(annotated),
        "pagerduty_services": 2,
        "pagerduty_priorities": 4,
        "pagerduty_escalation_policies": 2,
        "pagerduty_schedules": 2,
        "pagerduty_oncalls": 12,
        "pagerduty_change_events": len(CHANGE_EVENTS),
        "prometheus_samples": samples,
    }
    assert {source: len(each["quarantine"]) for source, each in tables.items()} == {
        "mixpanel": 1,
        "zendesk": 1,
        "pagerduty": 0,
        "prometheus": 0,
    }
    assert not any('"old"' in row for each in tables.values() for found in each.values() for row in found)


@st.composite
def pulls(draw: st.DrawFn) -> list[Window]:
    """Windows that cover all days, and some that come again or across, in any order."""
    cuts = sorted(draw(st.sets(st.integers(1, DAYS - 1), max_size=3)))
    parts = [(start, end - 1) for start, end in itertools.pairwise([0, *cuts, DAYS])]
    days = st.integers(0, DAYS - 1)
    again = draw(st.lists(st.one_of(st.sampled_from(parts), st.tuples(days, days).map(sorted).map(tuple)), max_size=2))
    return draw(st.permutations([*parts, *again]))


@dataclass(frozen=True)
class Limits:
    """How much a connector asks for at once."""

    days: int
    records: int
    first_points: int
    points: int


limits = st.builds(
    Limits,
    days=st.integers(1, 7),
    records=st.sampled_from([8, 20, 10_000]),
    first_points=st.sampled_from([60, 120, 500]),
    points=st.sampled_from([60, 200, 11_000]),
)


@pytest.mark.parametrize("source", SOURCES)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],  # a smaller example takes minutes to find
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    windows=pulls(),
    seed=st.integers(0, 2**32),
    size=st.sampled_from([1, 3, 10, 100]),
    mess=st.sampled_from([0.0, 0.1, 0.4]),
    limits=limits,
)
def test_any_pages_repeats_splits_and_orders_give_the_same_rows(
    source: Source,
    windows: list[Window],
    seed: int,
    size: int,
    mess: float,
    limits: Limits,
    session: psycopg.Connection,
    whole: Callable[[Source], Tables],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(mixpanel, "DAYS_PER_CALL", limits.days)
    monkeypatch.setattr(pagerduty_client, "MOST_RECORDS", limits.records)
    monkeypatch.setattr(prometheus, "FIRST_POINTS", limits.first_points)
    monkeypatch.setattr(prometheus, "MAXIMUM_POINTS", limits.points)
    name = f"any-{next(NUMBERS)}"
    launch = LAUNCH.model_copy(update={"launch": name})
    expected = whole(source)
    PAGING.begin(seed, size, mess)
    for window in windows:
        PAGING.told = {}
        pull(source, launch, window)
    assert difference(rows(session, source, name), expected) == []
    accounting_is_closed(session, name)


NUMBERS = itertools.count()
