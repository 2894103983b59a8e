"""Product and support marts against DuckDB, which makes the same rows from the same raw tables: CPU seconds, row by row compared.

    generated history ──> raw tables in PostgreSQL ──> one full build ──────────> marts ─┐
                                └── CSV ──> tables in DuckDB ──> duckdb/*.sql ──> marts ─┴── any row that differs fails the benchmark

Ours: PostgreSQL's CPU seconds for all models of product and of support, whether these marts need them or the KPIs do, and for the
identities before dbt runs. DuckDB is asked for less: nothing is kept for the next night, no id becomes a pseudonym, and its queries know
the generator's data: a device is all that is merged, users begin with activity, the funnel has three steps, its events were all sent and
none at the same moment, the launch file never changed, tickets are solved once and not reopened, the desk is open around the clock.

DuckDB is installed into an environment of its own; where that cannot be made, the figures are absent and the reason is shown.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.backends import model_seconds, statement_seconds
from benchmarks.context import Context, environment
from benchmarks.figure import Figure, at_most
from benchmarks.history import Scale, fill, write_launch
from benchmarks.night import log_from, tell_statements
from benchmarks.peers import installed
from postlaunch.config.settings import load_settings
from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect

DAYS, QUICK_DAYS = 30, 10
TURNS = 3  # of DuckDB; the cheapest counts
TIMES = 3.0
NAMED = 8  # models and steps in the note
PARTS = ("product", "support")
PEER = Path(__file__).with_name("duckdb") / "peer.py"
TABLES = (
    *("raw.mixpanel_events", "raw.zendesk_tickets", "raw.zendesk_ticket_metric_events", "raw.zendesk_ticket_events"),
    *("config.launches", "config.active_events", "config.funnel_steps", "config.sla_targets", "ops.partition_loads"),
)
FREE_TEXT = ("notice",)  # in words; nothing is ever missing of what the generator's launch file names
IDENTITIES = re.compile(r"\b(?:ops\.identit\w+|(?:night|differing)_links|(?:touched|reached|resolved)_ids)\b")

Seconds = dict[str, dict[str, float]]  # part -> model or step -> CPU seconds


@dataclass(frozen=True)
class Rows:
    """What a mart says; dates and moments as text."""

    columns: list[str]
    rows: list[list[object]]


def run(context: Context) -> list[Figure]:
    """One full build of ours, and some turns of the peer."""
    python = installed(context, "duckdb")
    if python is None:
        return []
    scale, days = Scale(context.size(16_667, 3_333)), context.size(DAYS, QUICK_DAYS)
    folder = context.folder / "duckdb"
    folder.mkdir()
    context.say(f"duckdb: our build of {days} days of {scale.events:,} events")
    ours, marts = _ours(context, folder, scale, days)
    context.say("duckdb: the same by DuckDB")
    _run(python, "load", folder)
    turns = [json.loads(_run(python, "transform", folder)) for _ in range(TURNS)]
    peer: Seconds = min((turn["seconds"] for turn in turns), key=_together)
    for mart, rows in marts.items():
        compare(mart, rows, _told(folder, mart))
    shutil.rmtree(folder)
    context.note("\n".join([f"CPU s of {days} days, ours and DuckDB's", *_report(ours, peer)]))
    return [*_figures(ours, peer), Figure("DuckDB: peak memory", max(turn["peak_mib"] for turn in turns), "MiB")]


def compare(mart: str, ours: Rows, peers: Rows | None) -> None:
    """Raise RuntimeError with the mart and a row of each side that the other has not; doubles are the same to twelve digits.

    A mart that the peer leaves out has to be empty.
    """
    columns = [column for column in ours.columns if column not in FREE_TEXT]
    if missing := [column for column in columns if peers and column not in peers.columns]:
        raise RuntimeError(f"{mart}: DuckDB tells nothing of {', '.join(missing)}")
    own, others = _counted(ours, columns), _counted(peers, columns) if peers else Counter()
    if own != others:
        raise RuntimeError(f"{mart}: ours alone are {_sample(own - others, columns)}; DuckDB's alone are {_sample(others - own, columns)}")


def _sample(rows: Counter[tuple[object, ...]], columns: list[str]) -> str:
    example = f", for example {dict(zip(columns, min(rows, key=str), strict=True))}" if rows else ""
    return f"{rows.total()} rows{example}"


def _counted(told: Rows, columns: list[str]) -> Counter[tuple[object, ...]]:
    places = [told.columns.index(column) for column in columns]
    return Counter(tuple(float(f"{row[at]:.12g}") if isinstance(row[at], float) else row[at] for at in places) for row in told.rows)


def _ours(context: Context, folder: Path, scale: Scale, days: int) -> tuple[Seconds, dict[str, Rows]]:
    """What a full build costs and says; the tables that it is made from are left in the folder as CSV."""
    launches = context.folder / "duckdb_launches"
    write_launch(launches)
    with context.warehouse("duckdb") as env, environment({**env, "POSTLAUNCH_LAUNCHES": str(launches)}):
        tell_statements(context.server, "duckdb")
        with connect(autocommit=True) as session:
            fill(session, scale, days)
        log = context.server.location / "server.log"
        written = log.stat().st_size
        build()
        seconds = _seconds(log_from(log, written))
        with connect(autocommit=True) as session:
            session.execute("set timezone to 'UTC'")
            for table in TABLES:
                _export(session, table, folder)
            return seconds, {mart: _rows(session, mart) for part in PARTS for mart in _models("marts", part)}


def _seconds(log: str) -> Seconds:
    models = model_seconds(log)
    found = {
        part: {model: models.get(model, 0.0) for layer in ("intermediate", "marts") for model in _models(layer, part)} for part in PARTS
    }
    found["product"]["identities"] = statement_seconds(log, IDENTITIES)
    return found


def _models(layer: str, part: str) -> list[str]:
    return sorted(file.stem for file in (load_settings().dbt_project / "models" / layer / part).glob("*.sql"))


def _export(session: psycopg.Connection, table: str, folder: Path) -> None:
    query = sql.SQL("copy (select * from {}) to stdout (format csv, header)").format(sql.Identifier(*table.split(".")))
    with (folder / f"{table.partition('.')[2]}.csv").open("wb") as file, session.cursor().copy(query) as copy:
        for block in copy:
            file.write(block)


def _rows(session: psycopg.Connection, mart: str) -> Rows:
    found = session.execute(sql.SQL("select * from build.{}").format(sql.Identifier(mart)))
    columns = [column.name for column in found.description or ()]
    return Rows(columns, json.loads(json.dumps(found.fetchall(), default=str)))


def _told(folder: Path, mart: str) -> Rows | None:
    file = folder / f"{mart}.json"
    return Rows(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def _run(python: Path, action: str, folder: Path) -> str:
    """The last line that the peer says. Raises RuntimeError if it fails."""
    done = subprocess.run([str(python), str(PEER), action, str(folder)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"DuckDB failed ({action}): {done.stderr.strip()[-300:]}")
    return done.stdout.strip().rpartition("\n")[2]


def _together(seconds: Seconds) -> float:
    return sum(sum(steps.values()) for steps in seconds.values())


def _report(ours: Seconds, peer: Seconds) -> Iterator[str]:
    """The dearest models of each part beside the peer's dearest steps."""
    for part in PARTS:
        yield f"  {part}"
        own, others = (sorted(seconds[part].items(), key=lambda item: -item[1])[:NAMED] for seconds in (ours, peer))
        others += [("", 0.0)] * (len(own) - len(others))
        for (model, cost), (step, peer_cost) in zip(own, others, strict=True):
            yield f"    {model:28} {cost:7.3f}    {step:22} {f'{peer_cost:7.3f}' if step else ''}".rstrip()


def _figures(ours: Seconds, peer: Seconds) -> Iterator[Figure]:
    for name, parts in (*((part, (part,)) for part in PARTS), ("product and support", PARTS)):
        own, other = (_together({part: seconds[part] for part in parts}) for seconds in (ours, peer))
        yield Figure(f"{name} marts", own, "CPU s")
        yield Figure(f"{name} marts by DuckDB", other, "CPU s")
        yield at_most(f"{name} marts against DuckDB", own / other, "ratio", TIMES)
