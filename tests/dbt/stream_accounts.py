"""Random launches whose events and profiles name accounts: their files, and what is made of them (conftest.py plays them)."""

from __future__ import annotations

import datetime as dt
import json
import re
import zlib
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tests.dbt.event_rows import Event, load_dates, rows_by, write_launch
from tests.dbt.event_streams import Stream, draw_streams
from tests.dbt.product_truth import DAY, Product

LAUNCHES = 16
SHIFT = 30 * DAY  # of every other launch, so that also a quarter ends within
PERSON = "a person"  # an e-mail address names one, and is not shown
NAMED: list[dict[str, Any]] = [
    {}, {}, {}, {"org": None}, {"org": ""}, {"org": {"name": "Acme"}},
    {"org": "Acme"}, {"org": ["Acme"]}, {"org": ["Acme", "Zeta", " Acme\n"]}, {"org": "Zeta "}, {"org": 7}, {"org": "ada@zeta.com"},
]  # fmt: skip
PROFILES: tuple[dict[str, Any], dict[str, Any]] = (
    {"u1": "Acme", "$device:d1": ["Zeta"], "alias": {}},
    {"u1": "Zeta", "u2": ["Acme", "Yam"], "$device:d2": None},
)
OUTCOMES: dict[str, dict[str, Any]] = {
    "kept_accounts": {"event": "A", "at_least": 1, "within": "calendar_month", "by": "account"},
    "kept_users": {"event": "A", "at_least": 1, "within": "calendar_month"},
    "kept_quarter": {"event": "B", "at_least": 1, "within": "calendar_quarter"},
    "kept_twice": {"event": "A", "at_least": 2, "within": "calendar_month", "by": "account", "of": "previous"},
    "busy_accounts": {"event": "A", "at_least": 2, "within": "calendar_month", "by": "account", "where": [["plan", "!=", "free"]]},
}
HEALTH = {"red": {"name": "Lost", "inactive_days": 4}, "yellow": {"name": "Less", "usage_below": 0.8}}
Rows = dict[Any, Any]


@cache
def streams() -> list[Stream]:
    return draw_streams("account", LAUNCHES)


def has_names(product: Product) -> tuple[bool, bool]:
    """Whether events of the launch, and whether its profiles name accounts."""
    number = int(product.launch_id.removeprefix("account-"))
    return number % 4 > 1, number % 4 != 0


def shifted(product: Product, moment: dt.datetime) -> dt.datetime:
    if int(product.launch_id.removeprefix("account-")) % 2 == 0:
        return moment
    zone = ZoneInfo(product.timezone)
    return (moment.astimezone(zone).replace(tzinfo=None) + SHIFT).replace(tzinfo=zone).astimezone(dt.UTC)


def with_account(product: Product, event: Event) -> Event:
    """The event at its time, with the account that it names: the same in each night."""
    chosen = NAMED[zlib.crc32(repr(event).encode()) % len(NAMED)] if has_names(product)[0] else {}
    return event._replace(occurred_at=shifted(product, event.occurred_at), properties={**event.properties, **chosen})


def at(stream: Stream, night: int) -> Product:
    product = stream.at(night)
    days = SHIFT if stream.number % 2 else 0 * DAY
    return replace(
        product, first=product.first + days, last=product.last + days, events=[with_account(product, event) for event in product.events]
    )


def load(session: psycopg.Connection, folder: Path, night: int) -> None:
    for stream in streams():
        product = at(stream, night)
        if night == 0:
            write(folder, product)
        put_profiles(session, product, PROFILES[night // 2])
        days = product.first - stream.product.first
        load_dates(session, product.launch_id, product.timezone, [date + days for date in stream.changed(night)], product.events)


def write(folder: Path, product: Product) -> None:
    mixpanel = {
        "project_id": 1,
        "active_events": list(product.active_events),
        "registration_event": product.registration_event,
        "profile_properties": ["org"],
    }
    kpis = [{"kpi": kpi, "unit": "ratio", "better": "higher", "measure": {"outcome": spec}} for kpi, spec in OUTCOMES.items()]
    write_launch(
        folder, product.launch_id, date=product.first, timezone=product.timezone,
        population={"account": "org", "health": HEALTH}, mixpanel=mixpanel, kpis=kpis,
    )  # fmt: skip


def put_profiles(session: psycopg.Connection, product: Product, profiles: dict[str, Any]) -> None:
    session.execute("delete from raw.mixpanel_profiles where launch_id = %s", [product.launch_id])
    for own, org in profiles.items() if has_names(product)[1] else ():
        session.execute(
            "insert into raw.mixpanel_profiles (launch_id, id, version_at, record, load_id) values (%s, %s, now(), %s, 1)",
            [product.launch_id, own, json.dumps({"id": own, "properties": {"org": org}})],
        )


def read(session: psycopg.Connection) -> tuple[Rows, Rows, Rows]:
    """(account_days, scorecard, account_health), by launch."""

    def shown(account: str) -> str:
        return PERSON if re.fullmatch("[0-9a-f]{32}", account) else account

    of_days: Rows = defaultdict(dict)
    columns = "first_active_date, active_users_count, new_users_count, repeat_users_count, events_count"
    for (launch_id, account, date), counts in rows_by(
        session, f"select launch_id, account_id, metric_date, {columns} from build.account_days", 3
    ).items():
        of_days[launch_id][shown(account), date] = counts
    judged: Rows = defaultdict(dict)
    query = "select launch_id, kpi_id, period_kind, period_start, value from build.scorecard where kpi_id = any(%s)"
    for launch_id, *key, value in session.execute(query, [list(OUTCOMES)]).fetchall():
        judged[launch_id][tuple(key)] = value
    health: Rows = defaultdict(dict)
    query = "select launch_id, account_id, health, inactive_days_count, events_7d_count, usage_ratio from build.account_health"
    for launch_id, account, *values in session.execute(query).fetchall():
        health[launch_id][shown(account)] = tuple(values)
    return of_days, judged, health
