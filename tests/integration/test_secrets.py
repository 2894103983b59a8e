"""What must not be told: no secret reaches a log, a message, the command line, the landing zone, the warehouse or an XCom, however an
ingest ends; and what a record says of a person nothing but the landing zone, `raw` and `quarantine`.

    connection with SECRET  ->  an API that repeats what it is told  ->  ingest, at log level DEBUG of every library  ->  search all of it
    an API with records that hold a person's data, of which some are refused  ->  the same, and build, audit, publish, review

What is searched for: the secret as it is, and as it travels (base64 with the login, percent-encoded, in JSON, in HTML), and every eight
characters in a row of each.
"""

from __future__ import annotations

import base64
import datetime as dt
import email
import gzip
import html
import itertools
import json
import logging
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import tests.dags.conftest  # noqa: F401  a home for Airflow, before it is imported
from postlaunch import cli
from postlaunch.config.launch import SOURCES, Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.errors import ConfigError, PostlaunchError, SourceAuthError, SourceError, WarehouseError
from postlaunch.ingest import ingest
from postlaunch.sources import base
from sandbox.apis.faults import Faults
from sandbox.apis.server import running_server
from tests.conftest import WAREHOUSE

LOGIN, SECRET = "robot@example.com", 'Zq7#vL0x/Wm2"Kt9@eR4+nB6%Yp8=Uc3'
DATE = dt.date(2026, 2, 17)
PART = 8


def forms(secret: str, login: str = LOGIN) -> set[str]:
    """A secret as it is, and as it travels."""
    accounts = [f"{login}:{secret}", f"{login}/token:{secret}", f":{secret}", f"{secret}:", secret]
    zipped = {base64.b64encode(account.encode()).decode().rstrip("=") for account in accounts}
    return zipped | {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret), repr(secret)[1:-1]}


def parts(texts: set[str]) -> set[str]:
    """Every eight characters in a row."""
    return {text[start : start + PART] for text in texts for start in range(len(text) - PART + 1)}


NEEDLES = parts(forms(SECRET))


def found_in(text: str, needles: set[str] = NEEDLES) -> list[str]:
    """Where a text holds a part of the secret, with what stands around it."""
    places = sorted(place for needle in needles if (place := text.find(needle)) >= 0)
    return [text[max(0, place - 60) : place + 60] for place in places[:1]]


# --- an API that repeats what it is told ------------------------------------------------------------------------------------


@dataclass
class Parrot:
    """What the API answers; asked of every request."""

    answer: Callable[[Request], Response] = lambda _: Response(status_code=500)
    asked: int = 0


PARROT = Parrot()


def heard(request: Request) -> str:
    """The credentials of a request as they came, in plain words, and percent-encoded."""
    header = request.headers.get("authorization", "")
    return f"{header} {SECRET} {quote(SECRET, safe='')}"


def refusing(status: int, body: Callable[[Request], str], **headers: str) -> Callable[[Request], Response]:
    return lambda request: Response(body(request), status_code=status, headers=headers)


def as_json(request: Request) -> str:
    return json.dumps({"status": "error", "errorType": "bad_data", "error": heard(request)})


def as_page(request: Request) -> str:
    return f"<html><body>{html.escape(SECRET)} {heard(request)}</body></html>"


def at_the_cut(request: Request) -> str:
    """The secret stands where a message is cut off."""
    return f"{'x' * 172} {SECRET} {heard(request)}"


ANSWERS: dict[str, Callable[[Request], Response]] = {
    **{f"{status} in JSON": refusing(status, as_json) for status in (400, 401, 403, 404, 422, 500)},
    **{f"{status} at the cut": refusing(status, at_the_cut) for status in (400, 401, 500)},
    "401 in words": refusing(401, heard),
    "429": refusing(429, as_json, **{"Retry-After": "0", "ratelimit-reset": "0"}),
    "a redirect": refusing(302, heard, Location="https://elsewhere.invalid/"),
    "a page": refusing(200, as_page, **{"Content-Type": "text/html"}),
    "a page at the cut": refusing(200, lambda request: f"<{at_the_cut(request)}"),
    "words": refusing(200, heard),
    "a list": refusing(200, lambda request: json.dumps([heard(request)])),
    "an error with status 200": refusing(200, as_json),
    "half an answer": lambda request: Response(f'{{"{heard(request)}', headers={"Content-Encoding": "gzip"}),
}


def empty(request: Request) -> Response:
    """What a quiet account says."""
    path = request.url.path
    if path.endswith("/export"):
        return Response(gzip.compress(b""), headers={"Content-Encoding": "gzip"})
    if path.endswith("/query_range"):
        warnings = [f"the proxy heard {heard(request)}"]
        return Response(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}, "warnings": warnings}))
    name = {"cursor.json": path.split("/")[-2]}.get(path.split("/")[-1], path.split("/")[-1].removesuffix(".json"))
    name = "sla_policies" if name == "policies" else name
    document = {name: [], "end_of_stream": True, "meta": {"has_more": False}, "more": False, "total": 0, "next_page": None}
    return Response(json.dumps(document))


@pytest.fixture(scope="module")
def parrot() -> Iterator[str]:
    async def answer(request: Request) -> Response:
        PARROT.asked += 1
        request.state.form = parse_qs((await request.body()).decode())
        return PARROT.answer(request)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    app.state.faults = Faults()
    with running_server(app) as url:  # type: ignore[arg-type]
        yield url


# --- everything that an ingest says -----------------------------------------------------------------------------------------


@dataclass
class Said(logging.Handler):
    """All log records, at level DEBUG of every logger, formatted with their exceptions."""

    lines: list[str] = field(default_factory=list)
    level: int = logging.DEBUG

    def __post_init__(self) -> None:
        super().__init__(logging.DEBUG)

    __hash__ = object.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.args!r} {self.format(record)}")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[Said]:
    handler, root = Said(), logging.getLogger()
    loggers = [root, *(each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger))]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox_launches: Path) -> Path:
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
    monkeypatch.setattr(cli, "LOCAL_ENV", tmp_path / "none")
    monkeypatch.setattr(base.PATIENCE, "attempts", 2)
    monkeypatch.setattr(base.PATIENCE, "first_wait", 0.01)
    monkeypatch.setattr(base.PATIENCE, "longest_wait", 0.02)
    return tmp_path / "landing"


@pytest.fixture(scope="module")
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


def variable(source: Source) -> str:
    return f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}"


def address(url: str, login: str = LOGIN, secret: str = SECRET) -> str:
    scheme, place = url.split("://")
    return f"{scheme}://{quote(login, safe='')}:{quote(secret, safe='')}@{place}/?limits=none"


def chain(error: BaseException) -> Iterator[str]:
    """Message, representation and traceback of an error, and of all that led to it and is shown with it."""
    yield "".join(traceback.format_exception(error))
    while error:
        yield f"{error} {error!r}"
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None:
            return
        error = following


def files(landing: Path) -> Iterator[str]:
    """Name and content of every file of the landing zone."""
    for path in landing.rglob("*"):
        yield str(path)
        if path.is_file():
            content = path.read_bytes()
            yield (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", "replace")


def tables(warehouse: str) -> Iterator[str]:
    """Every row of every table, as text."""
    with psycopg.connect(warehouse, autocommit=True) as session:
        names = session.execute("select table_schema || '.' || table_name from information_schema.tables where table_schema not like 'pg%'")
        for (name,) in names.fetchall():
            if not name.startswith("information_schema."):
                yield from (f"{name} {row[0]}" for row in session.execute(f"select kept::text from {name} as kept"))  # type: ignore[arg-type]


def names_connection(source: Source, text: str) -> bool:
    return variable(source) in text or f"'postlaunch_{source}'" in text


def leaks(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """The cases that betray anything."""
    return {case: places for case, places in found.items() if places}


def betrayed(said: Said, landing: Path, warehouse: str, *more: str) -> list[str]:
    """Every place that holds a part of the secret. What was said and how runs ended is forgotten then, for the next case."""
    texts = itertools.chain(said.lines, files(landing), tables(warehouse), more)
    found = [place for text in texts for place in found_in(text)]
    said.lines.clear()
    with psycopg.connect(warehouse) as session:
        session.execute("truncate ops.ingest_runs")
    return found


def fails(source: Source, launch: Launch, error: type[BaseException] = PostlaunchError) -> list[str]:
    """The error of an ingest that must fail, in all its texts."""
    with pytest.raises(error) as caught:
        ingest(source, launch, DATE, DATE)
    return list(chain(caught.value))


# --- the tests --------------------------------------------------------------------------------------------------------------


def test_what_is_searched_for_is_found() -> None:
    for form in forms(SECRET):
        assert found_in(f"before {form} after")
        assert found_in(f"cut {form[:PART]}")
    assert found_in("Basic " + base64.b64encode(f"{LOGIN}/token:{SECRET}".encode()).decode())
    assert not found_in(f"{LOGIN} may not see https://example.com:8080/api/v2/incremental?start_time=1768194000")


def test_the_api_hears_the_secret_and_every_library_is_listened_to(
    emr: Launch, parrot: str, warehouse: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this the other tests could not fail."""
    for source in SOURCES:
        told = []
        PARROT.answer = lambda request, told=told: told.append(heard(request)) or Response(status_code=404)  # type: ignore[misc]
        monkeypatch.setenv(variable(source), address(parrot))
        fails(source, emr, SourceError)
        assert found_in(told[0].split(f" {SECRET}")[0]), source
    assert {"urllib3.connectionpool", "httpcore.connection", "httpx", "httpx2"} <= {line.split()[0] for line in said.lines}


@pytest.mark.parametrize("source", SOURCES)
def test_what_an_api_repeats_is_not_passed_on(
    source: Source, emr: Launch, parrot: str, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(source), address(parrot))
    found = {}
    for answer, PARROT.answer in ANSWERS.items():
        PARROT.asked = 0
        told = fails(source, emr)
        assert PARROT.asked > 0
        found[answer] = betrayed(said, landing, warehouse, *told)
    assert leaks(found) == {}


@pytest.mark.parametrize("source", SOURCES)
def test_an_ingest_that_succeeds_keeps_the_secret(
    source: Source, emr: Launch, parrot: str, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus is warned of by a proxy that repeats what it heard."""
    PARROT.answer = empty
    monkeypatch.setenv(variable(source), address(parrot))
    result = ingest(source, emr, DATE, DATE)
    assert list(landing.rglob("manifest.json"))
    assert betrayed(said, landing, warehouse, result.summary, repr(result)) == []


def test_profiles_that_are_refused_keep_the_secret(
    emr: Launch, parrot: str, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = dt.datetime.now(emr.zone).date() - dt.timedelta(days=1)
    assert emr.mixpanel
    launch = emr.model_copy(update={"mixpanel": emr.mixpanel.model_copy(update={"profile_properties": ("plan",)})})
    monkeypatch.setenv(variable("mixpanel"), address(parrot))
    found = {}
    for answer in ("401 in words", "500 in JSON", "a page", "an error with status 200"):
        PARROT.answer = lambda request, answer=answer: (empty if request.url.path.endswith("/export") else ANSWERS[answer])(request)  # type: ignore[misc]
        told: tuple[str, ...] = ()
        try:
            ingest("mixpanel", launch, yesterday, yesterday)  # an optional stream that fails is a warning
        except SourceError as error:
            told = tuple(chain(error))
        found[answer] = betrayed(said, landing, warehouse, *told)
    assert leaks(found) == {}


NOWHERE = "http://127.0.0.1:9"
STRINGS = {  # an unencoded / # ? ends the place of host and port
    "nobody listens": address(NOWHERE),
    "an unknown host": address("http://nowhere.invalid"),
    "no port": address("http://127.0.0.1:port"),
    "a port too high": address("http://127.0.0.1:99999"),
    "no host": f"http://{quote(LOGIN)}:{quote(SECRET, safe='')}@",
    "a bracket": f"http://{quote(LOGIN)}:[{SECRET}@127.0.0.1",
    "not encoded": f"http://robot:{SECRET}@127.0.0.1:9",
    "a slash in the password": f"http://robot:4711/{SECRET.replace('#', '')}@127.0.0.1:9",
    "a hash in the password": f"http://robot:4711#{SECRET}@127.0.0.1:9",
    "a question mark in the password": f"http://robot:4711?{SECRET}@127.0.0.1:9",
    "half a JSON": json.dumps({"conn_type": "http", "login": LOGIN, "password": SECRET})[:-1],
    "JSON without a host": json.dumps({"conn_type": "http", "login": LOGIN, "password": SECRET}),
    "JSON with a wrong port": json.dumps({"host": "127.0.0.1", "password": SECRET, "port": SECRET}),
    "JSON with a wrong extra": json.dumps({"host": "127.0.0.1", "password": SECRET, "extra": SECRET}),
    "JSON that is a list": json.dumps([SECRET]),
    "wrong limits": address(NOWHERE).replace("limits=none", "limits=often"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_wrong_connection_is_named_and_not_quoted(
    source: Source, emr: Launch, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for string, value in STRINGS.items():
        monkeypatch.setenv(variable(source), value)
        told = fails(source, emr)
        assert names_connection(source, told[0]), string
        found[string] = betrayed(said, landing, warehouse, *told)
    assert leaks(found) == {}


@pytest.mark.parametrize("source", SOURCES)
def test_a_secret_that_no_header_takes_is_not_told(
    source: Source, emr: Launch, parrot: str, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is taken, refused by the API or refused before: nobody quotes it, and what fails says which connection."""
    PARROT.answer = refusing(401, lambda _: "who are you?")
    found = {}
    for name, letter in {"a line break": "\n", "a zero": "\x00", "a euro": "€"}.items():
        monkeypatch.setenv(variable(source), address(parrot, secret=SECRET + letter))
        told = fails(source, emr)
        assert names_connection(source, told[0]), name
        found[name] = betrayed(said, landing, warehouse, *told)
    assert leaks(found) == {}


@pytest.mark.parametrize("source", SOURCES)
def test_credentials_in_the_host_are_not_kept(
    source: Source, emr: Launch, parrot: str, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = address(parrot).partition("/?")[0]
    fields = {"conn_type": "http", "host": host, "login": LOGIN, "password": "another", "extra": {"limits": "none"}}
    monkeypatch.setenv(variable(source), json.dumps(fields))
    PARROT.answer = empty
    try:
        ingest(source, emr, DATE, DATE)
        told = []
    except PostlaunchError as error:
        told = list(chain(error))
    assert betrayed(said, landing, warehouse, *told) == []


@pytest.mark.parametrize("port", [9, None], ids=["nobody listens", "the password is wrong"])
def test_the_password_of_the_warehouse_is_not_told(
    port: int | None, emr: Launch, parrot: str, warehouse: str, said: Said, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(warehouse)
    place = f"{parts['host']}:{port or parts['port']}/{parts['dbname']}"
    monkeypatch.setenv(WAREHOUSE, f"postgres://{parts['user']}:{quote(SECRET, safe='')}@{place}")
    monkeypatch.setenv(variable("zendesk"), address(parrot))
    told = fails("zendesk", emr, WarehouseError)
    assert WAREHOUSE in told[0]
    assert betrayed(said, landing, warehouse, *told) == []


ENDS: dict[str, Callable[[Request], Response]] = {
    "success": empty,
    "401": ANSWERS["401 in JSON"],
    "500": ANSWERS["500 in JSON"],
    "a page": ANSWERS["a page"],
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_command_line_prints_no_secret(
    source: Source,
    parrot: str,
    warehouse: str,
    landing: Path,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable(source), address(parrot))
    monkeypatch.setattr(sys, "argv", f"postlaunch ingest {source} --launch emr-platform --from {DATE} --to {DATE}".split())
    found = {}
    for end, PARROT.answer in ENDS.items():
        with pytest.raises(SystemExit) as caught:
            cli.app()
        assert bool(caught.value.code) == (end != "success")
        out, err = capfd.readouterr()
        assert source in out + err
        found[end] = betrayed(said, landing, warehouse, out, err)
    assert leaks(found) == {}


@pytest.mark.parametrize("source", SOURCES)
def test_a_task_returns_and_raises_no_secret(
    source: Source, parrot: str, warehouse: str, landing: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException  # noqa: TID251

    from postlaunch.orchestration.ingests import announce_change, ingest_window, windows

    monkeypatch.setenv(variable(source), address(parrot))
    window = windows(source, dt.datetime(2026, 2, 18, 6, tzinfo=dt.UTC), dt.datetime(2026, 2, 19, 6, tzinfo=dt.UTC))[0]
    found = {"the window": found_in(json.dumps(window))}
    for end, PARROT.answer in ENDS.items():
        outlet = SimpleNamespace(extra=None)
        context: dict[str, Any] = {
            "dag_run": SimpleNamespace(run_type="backfill"),
            "outlet_events": defaultdict(lambda outlet=outlet: outlet),
        }
        if end == "success":
            outcome = ingest_window(source, window, context)
            announce_change(source, outcome, context)
            told = [json.dumps(outcome), repr(outlet.extra)]
        else:
            with pytest.raises(AirflowFailException if end == "401" else SourceError) as caught:
                ingest_window(source, window, context)
            told = list(chain(caught.value))
        found[end] = betrayed(said, landing, warehouse, *told)
    assert leaks(found) == {}


def test_a_connection_does_not_show_its_secret(monkeypatch: pytest.MonkeyPatch, parrot: str) -> None:
    from postlaunch.config.connections import get_connection

    monkeypatch.setenv(variable("zendesk"), f"{address(parrot)}&token={quote(SECRET, safe='')}")
    connection = get_connection("postlaunch_zendesk")
    assert connection.password == connection.extra["token"] == SECRET
    assert found_in(f"{connection} {connection!r}") == []
    with pytest.raises(ConfigError) as caught:
        get_connection("postlaunch_nowhere")
    assert not any(map(found_in, chain(caught.value)))
    assert issubclass(SourceAuthError, SourceError)


# --- what records say of people ---------------------------------------------------------------------------------------------

PERSON = "qzxmarker"
EMAIL, WORDS, NOON = f"{PERSON}.ada@patients.example", f"{PERSON.capitalize()} cannot see her results", "2026-02-17T17:00:00Z"
TICKET = {
    "subject": WORDS,
    "description": WORDS,
    "via": {"source": {"from": {"address": EMAIL, "name": WORDS}}},
    "generated_timestamp": 1771347600,
}
INCIDENT = {"title": WORDS, "description": WORDS, "status": "triggered", "urgency": "high"}
SECONDS = 1771347600  # NOON
BIG = "9" * 140_000  # JSON, and beyond the numbers of PostgreSQL


def event(**properties: Any) -> str:
    return json.dumps({"event": "Logged In", "properties": {"time": SECONDS, "distinct_id": EMAIL, "note": WORDS, **properties}})


REFUSED: dict[Source, list[Any]] = {
    "mixpanel": [
        event(time=WORDS),
        event(mp_processing_time_ms=EMAIL),
        event(distinct_id=[EMAIL]),
        event(time=SECONDS + 10**7),
        event()[:-1],
        event().replace(WORDS, f"{WORDS}\\u0000"),
        event(number=0).replace("0}}", f"{BIG}}}}}"),
        json.dumps({"event": [WORDS], "properties": {"time": SECONDS}}),
        json.dumps({"event": "x", "properties": WORDS}),
        json.dumps(WORDS),
    ],
    "zendesk": [
        {**TICKET, "id": 1, "created_at": WORDS},
        {**TICKET, "id": 2, "created_at": NOON, "generated_timestamp": EMAIL},
        {**TICKET, "id": [EMAIL], "created_at": NOON},
        {**TICKET, "created_at": NOON},
        {**TICKET, "id": f"{EMAIL}{'x' * 2_000}", "created_at": NOON},
        {**TICKET, "id": 3, "created_at": NOON, "subject": f"{WORDS}\x00"},
        {**TICKET, "id": 4, "created_at": "2999-01-01T00:00:00Z", "generated_timestamp": 32472144000},
        WORDS,
    ],
    "pagerduty": [
        {**INCIDENT, "id": "P1", "created_at": WORDS},
        {**INCIDENT, "id": [EMAIL], "created_at": NOON, "updated_at": NOON},
        {**INCIDENT, "id": "P2", "created_at": NOON, "updated_at": EMAIL},
        {**INCIDENT, "id": "P3", "created_at": NOON, "updated_at": NOON, "title": f"{WORDS}\x00"},
    ],
    "prometheus": [WORDS, [EMAIL, "1"], [WORDS]],
}
TAKEN: dict[Source, list[Any]] = {  # so many that one refused record does not hold its domain
    "mixpanel": [event(distinct_id=f"{number}{EMAIL}", **{"$insert_id": f"{EMAIL}{number}"}) for number in range(200)],
    "zendesk": [
        {**TICKET, "id": number, "created_at": NOON, "updated_at": NOON, "status": "open", "priority": "urgent"}
        for number in range(100, 300)
    ],
    "pagerduty": [{**INCIDENT, "id": f"P{number}", "created_at": NOON, "updated_at": NOON} for number in range(100, 300)],
    "prometheus": ["1"],
}


TITLES = ("build.stg_pagerduty__incidents", "build.stg_pagerduty__notes")  # views of raw, of no reader


def people(records: dict[Source, list[Any]]) -> Callable[[Request], Response]:
    """A quiet account of all four sources, but for these records."""

    def answer(request: Request) -> Response:
        path = request.url.path
        if path.endswith("/export"):
            return Response(
                gzip.compress("".join(f"{line}\n" for line in records["mixpanel"]).encode()), headers={"Content-Encoding": "gzip"}
            )
        document = json.loads(empty(request).body)
        if path.endswith("/query_range"):
            start = int(request.state.form["start"][0])
            values = [[start, value] if isinstance(value, str) else value for value in records["prometheus"]]
            document = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}
        for source, name in (("zendesk", "tickets"), ("pagerduty", "incidents")):
            if name in document:
                document |= {name: records[source], "total": len(records[source])}
        return Response(json.dumps(document))

    return answer


def told(said: Said, warehouse: str, *more: str, kept: tuple[str, ...] = ("quarantine.",)) -> list[str]:
    """Every place that names the person; `kept`: where records may stand."""
    rows = (row for row in tables(warehouse) if not row.startswith(kept))
    texts = [text.lower() for text in itertools.chain(said.lines, rows, more)]
    said.lines.clear()
    return [text[max(0, text.find(PERSON) - 100) : text.find(PERSON) + 60] for text in texts if PERSON in text]


def command(line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    monkeypatch.setattr(sys, "argv", ["postlaunch", *line.split()])
    with pytest.raises(SystemExit) as caught:
        cli.app()
    out, err = capfd.readouterr()
    return int(caught.value.code or 0), out + err


@pytest.mark.parametrize("source", SOURCES)
def test_a_refused_record_stands_in_quarantine_and_nothing_else_repeats_it(
    source: Source,
    parrot: str,
    warehouse: str,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Its task, the command line, and the commands that list and replay what was refused."""
    from postlaunch.orchestration.ingests import ingest_window, windows

    monkeypatch.setattr("postlaunch.cli.REPOSITORY", tmp_path)  # without the stack of a demonstration that may be down
    monkeypatch.setenv(variable(source), address(parrot))
    PARROT.answer = people(REFUSED)
    printed = []
    for line in (f"ingest {source} --launch emr-platform --from {DATE} --to {DATE}", "quarantine list", "quarantine replay", "status"):
        code, text = command(line, monkeypatch, capfd)
        assert code == 0, text
        printed.append(text)
    with psycopg.connect(warehouse) as session:
        refused = session.execute("select reason, convert_from(raw_line, 'UTF8') from quarantine.records").fetchall()
    assert len(refused) >= len(REFUSED[source])
    assert sum(PERSON in line.lower() for _, line in refused) >= len(REFUSED[source])
    window = windows(source, dt.datetime(2026, 2, 17, 6, tzinfo=dt.UTC), dt.datetime(2026, 2, 18, 6, tzinfo=dt.UTC))[0]
    outcome = ingest_window(
        source, window, {"dag_run": SimpleNamespace(run_type="backfill"), "outlet_events": defaultdict(SimpleNamespace)}
    )
    assert told(said, warehouse, *printed, json.dumps(outcome), *(reason for reason, _ in refused)) == []


BODIES = {
    "half an answer": json.dumps([TICKET])[:-1],
    "a list": json.dumps([TICKET]),
    "a text": json.dumps(WORDS),
    "another object": json.dumps({"records": [TICKET], "data": WORDS}),
    "a list that is a text": json.dumps({"tickets": WORDS, "incidents": WORDS, "data": {"resultType": "matrix", "result": WORDS}}),
    "words": WORDS,
}


@pytest.mark.parametrize("source", [source for source in SOURCES if source != "mixpanel"])
def test_an_answer_of_the_wrong_shape_is_described_and_not_quoted(
    source: Source, emr: Launch, parrot: str, warehouse: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mixpanel's lines are read one by one: there it is a refused record."""
    monkeypatch.setenv(variable(source), address(parrot))
    found = {}
    for shape, body in BODIES.items():
        PARROT.answer = refusing(200, lambda _, body=body: body)  # type: ignore[misc]
        found[shape] = told(said, warehouse, *fails(source, emr, SourceError))
    PARROT.answer = refusing(422, lambda _: json.dumps({"status": "error", "error": f"{EMAIL} is not known", "description": EMAIL}))
    found["a refusal that names somebody"] = told(said, warehouse, *fails(source, emr, SourceError))
    assert leaks(found) == {}


@pytest.mark.slow
def test_what_records_say_of_people_goes_no_further_than_raw(
    parrot: str, warehouse: str, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Records that are taken and records that are refused: through build, gate and publication into the mail of the day."""
    for source in SOURCES:
        monkeypatch.setenv(variable(source), address(parrot))
    PARROT.answer = people({source: TAKEN[source] + REFUSED[source][:1] for source in SOURCES})
    code, ran = command(f"run --launch emr-platform --from {DATE} --to {DATE}", monkeypatch, capfd)
    assert code == 0, ran
    code, reviewed = command(f"review daily --launch emr-platform --period {DATE} --out {tmp_path / 'out'}", monkeypatch, capfd)
    assert code == 0, ran + reviewed
    mails = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.suffix in (".eml", ".html", ".txt")]
    assert mails
    written = [str(part.get_payload(decode=True)) for mail in mails for part in email.message_from_bytes(mail).walk()]
    with psycopg.connect(warehouse) as session:
        for table in ("mixpanel_events", "zendesk_tickets", "pagerduty_incidents"):
            assert session.execute(f"select count(*) from raw.{table} where {table}::text ilike '%{PERSON}%'").fetchall() != [(0,)]  # type: ignore[arg-type]
    assert told(said, warehouse, ran, reviewed, *map(str, mails), *written, kept=("quarantine.", "raw.", *TITLES)) == []
