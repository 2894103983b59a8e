"""What models cost that have rules of their own: attempts at a funnel of ten steps against one of three, and clocks of many tickets.

Of one full build each, over the same raw data: CPU seconds of PostgreSQL, by model from its log.
"""

from __future__ import annotations

from benchmarks.backends import model_seconds
from benchmarks.context import Context, environment
from benchmarks.figure import Figure, at_least, at_most
from benchmarks.history import Scale, fill, write_launch
from benchmarks.night import log_from, tell_statements
from postlaunch.config.settings import load_settings
from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect

DAYS = 30
STEPS = (3, 10)
FUNNEL_GROWTH = 1.5
TICKET_DAYS = 100
PEER_TICKETS_PER_SECOND = 4_000 / 133  # dbt_zendesk's, by the clock and in another run: a mark, and no peer beside us
CLOCK_RATIO = 20


def run(context: Context) -> list[Figure]:
    """Both parts, each in warehouses of its own."""
    return [*_funnels(context), *_clocks(context)]


def _funnels(context: Context) -> list[Figure]:
    scale = Scale(context.size(16_667, 3_333))
    costs = {}
    for steps in STEPS:
        context.say(f"models: a funnel of {steps} steps, {DAYS} days of {scale.events:,} events")
        models = _full_build(context, f"funnel_{steps}", scale, DAYS, steps)
        costs[steps] = sum(seconds for model, seconds in models.items() if "funnel" in model or "activation" in model)
    few, many = (costs[steps] for steps in STEPS)
    return [
        Figure("models: funnel of 3 steps", few, "CPU s"),
        Figure("models: funnel of 10 steps", many, "CPU s"),
        at_most("models: funnel of 10 steps against 3", many / few, "ratio", FUNNEL_GROWTH),
    ]


def _clocks(context: Context) -> list[Figure]:
    scale = Scale(events=10, tickets=context.size(1_000, 100))
    tickets = scale.tickets * TICKET_DAYS
    context.say(f"models: clocks of {tickets:,} tickets")
    models = _full_build(context, "clocks", scale, TICKET_DAYS, STEPS[0])
    folders = [load_settings().dbt_project / "models" / layer / "support" for layer in ("intermediate", "marts")]
    support = {file.stem for folder in folders for file in folder.glob("*.sql")}
    rate = tickets / sum(seconds for model, seconds in models.items() if model in support)
    return [
        Figure("models: tickets whose clocks are read", rate, "tickets/CPU s"),
        at_least("models: tickets a second against dbt_zendesk", rate / PEER_TICKETS_PER_SECOND, "ratio", CLOCK_RATIO),
    ]


def _full_build(context: Context, name: str, scale: Scale, days: int, steps: int) -> dict[str, float]:
    """CPU seconds by model."""
    launches = context.folder / name
    write_launch(launches, steps)
    with context.warehouse(name) as env, environment({**env, "POSTLAUNCH_LAUNCHES": str(launches)}):
        tell_statements(context.server, name)
        with connect(autocommit=True) as session:
            fill(session, scale, days)
        log = context.server.location / "server.log"
        written = log.stat().st_size
        build()
        return model_seconds(log_from(log, written))
