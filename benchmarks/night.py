"""A night with one new date and three that came again: what it costs PostgreSQL after 30 days of history, 120 and a year; and a launch that
comes with 30 days beside that year.

CPU seconds of all its processes, so that a busy machine does not decide; of the build (dbt), the gate and the publication each, and of
the gate's own process. The warehouses live in one server and take turns. The first build is one of everything, and tells what an event
costs; the first night warms, the medians of the others count.

Autovacuum comes up to a minute after what it cleans up, into whatever runs by then: the log says whose tables its workers saw to, and a
warehouse bears its own, however late. The vacuum after a publication is told apart. It comes once a tenth of a table is dead: every third
night to a table of 30 days, every second week to one of a year, for which it then takes longer. Of two nights, luck decides which has one;
docs/decisions.md has fifteen.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from benchmarks.backends import autovacuum_seconds, cpu_seconds, model_seconds, statement_seconds
from benchmarks.context import Context, environment
from benchmarks.figure import Figure, at_most
from benchmarks.history import Scale, fill, night, write_launch
from postlaunch.errors import PostlaunchError
from postlaunch.marts.build import build
from postlaunch.marts.publish import publish
from postlaunch.quality.gate import audit
from postlaunch.warehouse.db import connect
from sandbox.postgres import PostgresServer

FEW_DAYS, FULL_DAYS, MANY_DAYS = 30, 120, 365  # after 120 every window is full: 90 days of retention, a month of users, 42 of capacity
NIGHTS = 4
GROWTH, PUBLISH_GROWTH, FULL_GROWTH = 1.3, 1.2, 1.3
GATE_SECONDS = 3
NAMED = 12  # models in the note
SETTLE_SECONDS = 0.5  # a session ends, and is counted among the ended, a moment after its client has left
STEPS: dict[str, Callable[[], object]] = {"build": build, "gate": audit, "publish": publish}
_VACUUM = re.compile(r"STATEMENT:\s+vacuum ")


@dataclass(frozen=True)
class Night:
    """CPU seconds of PostgreSQL: by step, and by model."""

    steps: dict[str, float]
    models: dict[str, float]
    gate_process: float  # of the process that judges, whose imports are done
    vacuum: float  # after the publication, and not in its step
    autovacuum: float = 0.0  # a night of the warehouse, on the average


def run(context: Context) -> list[Figure]:
    """The medians of some nights each, in one run."""
    scale = Scale(context.size(16_667, 3_333))
    nights: dict[int, list[Night]] = {FEW_DAYS: [], FULL_DAYS: [], MANY_DAYS: []}
    whole: dict[int, float] = {}
    with ExitStack() as stack:
        places = {days: place(context, stack, days) for days in nights}
        for days, env in places.items():
            context.say(f"night: {days} days of {scale.events:,} events")
            with environment(env):
                whole[days] = prepare(context.server, f"night_{days}", scale, days)
        log = context.server.location / "server.log"
        began = 0
        for number in range(NIGHTS):
            if number == 1:  # the one before warmed
                began = log.stat().st_size
            for days, env in places.items():
                context.say(f"night: {number + 1} of {NIGHTS} after {days} days")
                with environment(env):
                    nights[days].append(one_night(context.server, scale, days + number))
        autovacuum = autovacuum_seconds(log_from(log, began))
        with environment(places[MANY_DAYS]):
            added = add_launch(context, scale)
    told = {
        days: replace(medians(each[1:]), autovacuum=autovacuum.get(f"night_{days}", 0.0) / (NIGHTS - 1)) for days, each in nights.items()
    }
    context.note(report(told))
    per_event = {days: seconds / (days * scale.events) for days, seconds in whole.items()}
    return [
        *figures(told),
        *(Figure(f"full build of {days} days", seconds, "CPU s") for days, seconds in whole.items()),
        at_most(
            f"full build: an event of {MANY_DAYS} days against one of {FEW_DAYS}",
            per_event[MANY_DAYS] / per_event[FEW_DAYS],
            "ratio",
            FULL_GROWTH,
        ),
        at_most(f"build of a launch that comes with {FEW_DAYS} days beside another", added / whole[FEW_DAYS], "ratio", FULL_GROWTH),
    ]


def place(context: Context, stack: ExitStack, days: int) -> dict[str, str]:
    """The environment of a warehouse with launch files of its own."""
    launches = context.folder / f"launches_{days}"
    write_launch(launches)
    return {**stack.enter_context(context.warehouse(f"night_{days}")), "POSTLAUNCH_LAUNCHES": str(launches)}


def add_launch(context: Context, scale: Scale) -> float:
    """CPU seconds of the build after a second launch was loaded with all its dates, in the environment's warehouse."""
    context.say(f"night: a launch that comes with {FEW_DAYS} days")
    write_launch(context.folder / f"launches_{MANY_DAYS}", launch_id="added")
    with connect(autocommit=True) as session:
        fill(session, scale, FEW_DAYS, "added")
    pid = context.server.postmaster_pid()
    assert pid is not None  # noqa: S101  # it has just answered
    return _spent(pid, build)[0]


def prepare(server: PostgresServer, database: str, scale: Scale, days: int) -> float:
    """History, built, audited and published; CPU seconds of the build."""
    tell_statements(server, database)
    with connect(autocommit=True) as session:
        fill(session, scale, days)
    pid = server.postmaster_pid()
    assert pid is not None  # noqa: S101  # it has just answered
    spent = {name: _spent(pid, step)[0] for name, step in STEPS.items()}
    with psycopg.connect(server.uri(database), autocommit=True) as session:
        session.execute("vacuum analyze")
    return spent["build"]


def tell_statements(server: PostgresServer, database: str) -> None:
    """Let statements and autovacuum write into the log what they cost, and statements stay in one process so that it is all."""
    with psycopg.connect(server.uri(), autocommit=True) as session:
        session.execute("alter system set log_autovacuum_min_duration = 0")
        session.execute("select pg_reload_conf()")
        for setting in ("log_statement_stats = on", "max_parallel_workers_per_gather = 0"):
            session.execute(f"alter database {database} set {setting}")


def one_night(server: PostgresServer, scale: Scale, day: int) -> Night:
    """Load the date `day` and the restated ones, then build, audit and publish. Raises PostlaunchError if the gate holds something."""
    with connect(autocommit=True) as session:
        night(session, scale, day)
    pid, log = server.postmaster_pid(), server.location / "server.log"
    assert pid is not None  # noqa: S101  # it has just answered
    written, steps, own = log.stat().st_size, {}, {}
    for name, step in STEPS.items():
        before, so_far = time.process_time(), log.stat().st_size
        seconds, result = _spent(pid, step)
        own[name] = time.process_time() - before
        steps[name] = seconds - sum(autovacuum_seconds(log_from(log, so_far)).values())
    if held := getattr(result, "held", ()):
        raise PostlaunchError(f"the gate holds {held}")
    said = log_from(log, written)
    vacuum = statement_seconds(said, _VACUUM)
    return Night({**steps, "publish": steps["publish"] - vacuum}, model_seconds(said), own["gate"], vacuum)


def _spent(postmaster: int, step: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of PostgreSQL for a step, and what the step returns."""
    before = cpu_seconds(postmaster)
    result = step()
    time.sleep(SETTLE_SECONDS)
    return cpu_seconds(postmaster) - before, result


def medians(nights: list[Night]) -> Night:
    """Step by step and model by model."""
    models = {model for each in nights for model in each.models}
    return Night(
        {name: statistics.median(each.steps[name] for each in nights) for name in STEPS},
        {model: statistics.median(each.models.get(model, 0) for each in nights) for model in models},
        statistics.median(each.gate_process for each in nights),
        statistics.mean(each.vacuum for each in nights),
    )


def report(told: dict[int, Night], named: int = NAMED) -> str:
    """The models that cost most after a year, beside what they cost before."""
    many = told[MANY_DAYS].models
    costly = sorted(many, key=lambda model: many[model], reverse=True)[:named]
    lines = [f"  {model:32} {' '.join(f'{each.models.get(model, 0):7.2f}' for each in told.values())}" for model in costly]
    return "\n".join([f"CPU s of PostgreSQL a night, after {', '.join(str(days) for days in told)} days", *lines])


def figures(told: dict[int, Night]) -> list[Figure]:
    """Each step, and the growth of all together."""
    found = [Figure(f"night: {name} after {days} days", each.steps[name], "CPU s") for name in STEPS for days, each in told.items()]
    for days, each in told.items():
        found.append(Figure(f"night: vacuum after {days} days, on the average", each.vacuum, "CPU s"))
        found.append(Figure(f"night: autovacuum after {days} days, on the average", each.autovacuum, "CPU s"))
    whole = {days: sum(each.steps.values()) + each.vacuum + each.autovacuum for days, each in told.items()}
    few, many = told[FEW_DAYS], told[MANY_DAYS]
    return [
        *found,
        *(
            at_most(f"night after {MANY_DAYS} days against {days}", whole[MANY_DAYS] / whole[days], "ratio", GROWTH)
            for days in (FEW_DAYS, FULL_DAYS)
        ),
        at_most(
            f"night: publication after {MANY_DAYS} days against {FEW_DAYS}",
            many.steps["publish"] / few.steps["publish"],
            "ratio",
            PUBLISH_GROWTH,
        ),
        at_most("night: gate beyond its imports", many.steps["gate"] + many.gate_process, "CPU s", GATE_SECONDS),
    ]


def log_from(log: Path, offset: int) -> str:
    """What a server wrote since its log had that length."""
    with log.open("rb") as file:
        file.seek(offset, os.SEEK_SET)
        return file.read().decode(errors="replace")
