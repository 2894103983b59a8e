"""The CDNOW sample (sandbox/data/cdnow) as Mixpanel deliveries: every transaction is one `Purchase` at noon in New York."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sandbox.story.event_records import TimeConvention, wall_clock
from sandbox.story.plan import NEW_YORK, Record

SAMPLE = Path(__file__).parents[1] / "data" / "cdnow" / "CDNOW_sample.txt"
EVENT_NAME = "Purchase"
_DELAY_MS = 300_000


@dataclass(frozen=True)
class Purchase:
    """One line of the sample; `line` counts from 1 and makes the insert id unique."""

    line: int
    master_id: str
    customer_id: str
    date: dt.date
    cds: int
    value_usd: float

    @property
    def occurred_at(self) -> int:
        """Noon in New York, as epoch seconds."""
        return int(dt.datetime.combine(self.date, dt.time(12), tzinfo=NEW_YORK).timestamp())

    @property
    def processed_at_ms(self) -> int:
        """When Mixpanel had it: five minutes later."""
        return self.occurred_at * 1000 + _DELAY_MS


@lru_cache(maxsize=1)
def purchases() -> tuple[Purchase, ...]:
    """All 6,919 transactions, by date."""
    rows = []
    for number, line in enumerate(SAMPLE.read_text().splitlines(), start=1):
        master, customer, date, cds, value = line.split()
        rows.append(Purchase(number, master, customer, dt.datetime.strptime(date, "%Y%m%d").date(), int(cds), float(value)))  # noqa: DTZ007
    return tuple(sorted(rows, key=lambda row: (row.date, row.line)))


def record(purchase: Purchase, convention: TimeConvention = "utc") -> Record:
    """The raw-export record of a purchase."""
    moment = purchase.occurred_at
    return {
        "event": EVENT_NAME,
        "properties": {
            "time": moment if convention == "utc" else wall_clock(moment),
            "distinct_id": purchase.customer_id,
            "$insert_id": f"cdnow-{purchase.line:05d}",
            "mp_processing_time_ms": purchase.processed_at_ms,
            "mp_lib": "import",
            "master_id": purchase.master_id,
            "cds": purchase.cds,
            "value_usd": purchase.value_usd,
        },
    }
