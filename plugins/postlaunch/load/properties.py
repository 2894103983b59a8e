"""The property catalogue: which properties the events of a date carry, with values of which JSON types, how often.

Events of one name mostly carry the same properties with the same types: counting whole shapes costs a dictionary look-up an event.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg

MOST_SHAPES = 5_000  # combinations of an event and its properties that are kept apart; more are folded into counts of properties
MOST_PROPERTIES = 20_000  # of one date; a name that is made up for every event must not fill the memory
LONGEST_PROPERTY = 250  # characters, a thousand bytes: an entry of the catalogue's index holds this and the name of the event
OTHERS = "(other properties)"

PropertyShape = tuple[str, tuple[str, ...], tuple[type, ...]]

_TYPES = {str: "text", int: "number", float: "number", bool: "boolean", dict: "object", list: "array", type(None): "null"}

_INSERT = """
    insert into raw.event_property_days (launch_id, event_date, event_name, property, value_type, event_count)
    select %(launch)s, %(date)s, counted.*
    from unnest(%(names)s::text[], %(properties)s::text[], %(types)s::text[], %(counts)s::bigint[]) as counted
"""


@dataclass
class _Run:
    """The latest shape of an event's name: most events look like the one before, and need not be looked up."""

    keys: tuple[str, ...]
    types: tuple[type, ...]
    count: int = 1


class PropertyCount:
    """Counts the shapes of one date."""

    def __init__(self) -> None:
        """No event yet."""
        self._last: dict[str, _Run] = {}
        self._shapes: Counter[PropertyShape] = Counter()
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, name: str, properties: dict[str, Any]) -> None:
        """Count one event."""
        keys, types = tuple(properties), tuple(map(type, properties.values()))
        run = self._last.get(name)
        if run is not None and run.keys == keys and run.types == types:
            run.count += 1
            return
        if run is not None:
            self._shapes[name, run.keys, run.types] += run.count
        self._last[name] = _Run(keys, types)

    def settle(self) -> None:
        """To be called once a batch: too many shapes are folded into counts of properties."""
        if len(self._shapes) + len(self._last) > MOST_SHAPES:
            self._fold()

    def _fold(self) -> None:
        for name, run in self._last.items():
            self._shapes[name, run.keys, run.types] += run.count
        for (name, properties, types), count in self._shapes.items():
            for prop, kind in zip(properties, types, strict=True):
                key = (name, prop, _TYPES[kind])
                if (key not in self._counts and len(self._counts) >= MOST_PROPERTIES) or len(prop) > LONGEST_PROPERTY:
                    key = (name, OTHERS, _TYPES[kind])
                self._counts[key] += count
        self._last.clear()
        self._shapes.clear()

    def store(self, session: psycopg.Connection, launch_id: str, date: dt.date | None) -> None:
        """Make the catalogue of the date equal to what was counted."""
        self._fold()
        values = {"launch": launch_id, "date": date}
        session.execute("delete from raw.event_property_days where launch_id = %(launch)s and event_date = %(date)s", values)
        if self._counts:
            names, properties, types = (list(column) for column in zip(*self._counts, strict=True))
            columns = {"names": names, "properties": properties, "types": types, "counts": list(self._counts.values())}
            session.execute(_INSERT, {**values, **columns})
