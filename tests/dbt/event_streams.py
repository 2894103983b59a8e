"""Random launches (hypothesis): persons with several devices and names, events in one second, merges that arrive nights late, and a date
that loses its events again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.event_rows import Event
from tests.dbt.product_truth import DAY, Product

FIRST = dt.date(2026, 2, 20)  # a month ends within, and clocks change in New York (8 March)
DATES = 24
NIGHTS = (9, 16, 20, 23)  # each night's last date, as days after FIRST
NAMES = ("A", "B", "C")
DEVICES = ("d1", "d2", "d3", "d4", "d5")
USERS = ("u1", "u2", "u3")
# few moments, so that many events share one; the middle of the day, midnight from both sides
CLOCK = st.sampled_from([dt.time(0), dt.time(12), dt.time(12), dt.time(12, 0, 1), dt.time(13), dt.time(23, 59, 59)])
# what an event carries beside its ids: numbers, numbers as text, and what is no number
CARRIED: list[dict[str, Any]] = [
    *({"score": score, "plan": plan} for score in (0, 1, 4, 5, 7, 9, 10, 4.257) for plan in ("pro", "free")),
    *({"score": score} for score in ("9", "5.0", "five", None, True, 11, -2)),
    {"plan": None},
    {},
]


@dataclass(frozen=True)
class Told:
    """An event and the night in which it arrives; never before its date is over."""

    event: Event
    night: int
    gone: int = len(NIGHTS)  # the night from which the source does not know it any more


@dataclass(frozen=True)
class Stream:
    """A launch's rules, and everything that is ever told of it in the order of its source."""

    product: Product
    told: tuple[Told, ...]

    @property
    def number(self) -> int:
        """The place of the launch among those drawn with it."""
        return int(self.product.launch_id.rpartition("-")[2])

    def at(self, night: int) -> Product:
        """The launch as it is known after a night."""
        events = [told.event for told in self.told if told.night <= night < told.gone]
        rules = {name: value for name, value in vars(self.product).items() if name in Product.__dataclass_fields__}
        return Product(**{**rules, "last": FIRST + NIGHTS[night] * DAY, "events": events})

    def changed(self, night: int) -> list[dt.date]:
        """The dates that the night loads: those that are over now, and older ones of which something arrives or is gone."""
        seen = FIRST + NIGHTS[night - 1] * DAY if night else FIRST - DAY
        late = {self.product.date_of(told.event.occurred_at) for told in self.told if night in (told.night, told.gone)}
        new = {FIRST + number * DAY for number in range(NIGHTS[night] + 1)}
        return sorted({date for date in new if date > seen} | late)


@st.composite
def identities(draw: st.DrawFn) -> tuple[str | None, str, dict[str, Any]]:
    """(distinct_id, event name, properties): plain events of devices, users, both and nobody, and each kind of merge."""
    device, user, name = draw(st.sampled_from(DEVICES)), draw(st.sampled_from(USERS)), draw(st.sampled_from(NAMES))
    other = draw(st.sampled_from([*USERS, *(f"$device:{each}" for each in DEVICES), "alias"]))
    return draw(
        st.sampled_from(
            [
                (f"$device:{device}", name, {"$device_id": device}),
                (f"$device:{device}", name, {"$device_id": device}),
                (f"$device:{device}", name, {}),
                (device, name, {"$device_id": device}),
                (user, name, {"$device_id": device, "$user_id": user}),
                (user, name, {"$user_id": user}),
                (user, name, {}),
                ("alias", name, {}),
                (None, name, {}),
                (None, name, {"$device_id": "", "$user_id": user}),
                (user, "$mp_click", {"$user_id": user}),
                (user, "$identify", {"$identified_id": user, "$anon_id": draw(st.sampled_from([device, f"$device:{device}"]))}),
                (user, "$create_alias", {"alias": other}),
                (user, "$merge", {"$distinct_ids": [user, other]}),
            ]
        )
    )


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """One launch. Few ids and few names, so that everything meets everything."""
    zone = draw(st.sampled_from(["UTC", "America/New_York", "Australia/Sydney"]))
    product = Product(
        "", zone, FIRST, FIRST, [],
        active_events=draw(st.sampled_from([(), (), ("A", "B"), ("C", "$mp_click")])),
        registration_event=draw(st.sampled_from([None, None, "A", "C"])),
        steps=tuple(draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=draw(st.sampled_from([2, 3, 3, 12]))))),
        window=dt.timedelta(hours=draw(st.sampled_from([1, 24, 72, 200]))),
    )  # fmt: skip
    told = []
    emptied, emptied_in = draw(st.integers(0, DATES - 1)), draw(st.sampled_from([1, 2, 3]))
    for _ in range(draw(st.integers(20, 90))):
        number, night = draw(st.integers(0, DATES - 1)), draw(st.sampled_from([0, 0, 0, 0, 1, 2, 3]))
        distinct_id, name, properties = draw(identities())
        moment = dt.datetime.combine(FIRST + number * DAY, draw(CLOCK), ZoneInfo(zone))
        properties = {**properties, **draw(st.sampled_from(CARRIED))}
        first_night = next(index for index, last in enumerate(NIGHTS) if number <= last)
        arrives = max(night, first_night)
        gone = emptied_in if number == emptied and arrives < emptied_in else len(NIGHTS)
        told.append(Told(Event(distinct_id, name, moment.astimezone(dt.UTC), properties), arrives, gone))
    return Stream(product, tuple(told))


def draw_streams(name: str, count: int) -> list[Stream]:
    """The same `count` random launches each time, `name`-0 and so on; they are built together, because dbt's time goes into its start."""
    found: list[Stream] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True, deadline=None, database=None)
    @given(streams())
    def collect(stream: Stream) -> None:
        found.append(stream)

    collect()
    return [
        Stream(Product(**{**_fields(stream.product), "launch_id": f"{name}-{number}"}), stream.told) for number, stream in enumerate(found)
    ]


def _fields(product: Product) -> dict[str, Any]:
    return {name: getattr(product, name) for name in Product.__dataclass_fields__}
