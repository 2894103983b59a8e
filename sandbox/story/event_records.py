"""Events as Mixpanel exports them: `{"event": ..., "properties": {...}}` with the properties that a browser library sends.

What differs from event to event is read off the bits of its insert number: no random stream, so a record costs microseconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal

from sandbox.story.events import EVENT_NAMES, EXPORTED, HANDOVER, LOGGED_IN, SIGNED_UP, TASK_COMPLETED, TASK_CREATED, VERIFIED, EventDay
from sandbox.story.people import sign_up_day, wave_of
from sandbox.story.plan import NEW_YORK, Plan, Record

TimeConvention = Literal["utc", "local"]  # `time` in true UTC, or the New York wall clock written as if it were UTC

GUESTS = 1_000_000  # user numbers from here on are no users of the story
SITES = (
    ("Mercy General", "New York", "New York"),
    ("Clínica San José", "Miami", "Florida"),
    ("St. Brendan\u2019s", "Boston", "Massachusetts"),
    ("Lakeside Pediatrics", "Chicago", "Illinois"),
    ("Centre Côte-des-Neiges", "Montréal", "Quebec"),
    ("Hospital Español", "San Juan", "Puerto Rico"),
    ("Harbor Point", "Baltimore", "Maryland"),
    ("Mount Zion", "Philadelphia", "Pennsylvania"),
)
_BROWSERS = (
    ("Chrome", 143, "Windows"),
    ("Edge", 143, "Windows"),
    ("Safari", 26, "Mac OS X"),
    ("Mobile Safari", 26, "iOS"),
    ("Chrome", 142, "Android"),
)
_PLANS = ("standard", "standard", "standard", "professional", "professional", "enterprise")
_ROLES = ("nurse", "nurse", "nurse", "physician", "physician", "coordinator", "pharmacist", "administrator")
_DEPARTMENTS = ("emergency", "cardiology", "oncology", "pediatrics", "surgery", "intensive care", "outpatient")
_FIRST = ("Ana", "Wei", "Zoë", "Łukasz", "Priya", "Noah", "Fatima", "José", "Søren", "Grace", "Mai", "Olu")
_LAST = ("Nguyễn", "Smith", "García", "O\u2019Neill", "Müller", "Okafor", "Patel", "Kowalski", "Haddad", "Björk")
_NOTES = ("", "vitals every 2 h", "família informada", "回診後に確認", "allergy: penicillin ⚠️", "call “Dr. Ruiz” back", "")
_PRIORITIES = ("routine", "routine", "routine", "urgent", "stat")
_TASK_TYPES = ("medication", "lab", "imaging", "consult", "discharge", "transport")
_VENDORS = ("Epic", "Cerner", "Meditech", "Allscripts")


def distinct_id(number: int) -> str:
    """The Mixpanel id of a user number."""
    return f"user-{number:05d}"


@lru_cache(maxsize=16_384)
def profile(plan: Plan, number: int) -> Record:
    """The properties that stay with a user: who, where, on what. A guest is a customer of another launch, known by a name alone."""
    if number >= GUESTS:
        return {"distinct_id": f"guest-{number}", "$name": f"Customer {number - GUESTS}", "site": None}
    rng = plan.rng("profile", number)
    site, city, region = SITES[int(rng.integers(len(SITES)))]
    browser, version, system = _BROWSERS[int(rng.integers(len(_BROWSERS)))]
    first, last = _FIRST[int(rng.integers(len(_FIRST)))], _LAST[int(rng.integers(len(_LAST)))]
    return {
        "distinct_id": distinct_id(number),
        "$user_id": distinct_id(number),
        "$device_id": f"{int(rng.integers(1 << 62)):016x}",
        "$city": city,
        "$region": region,
        "mp_country_code": "CA" if region == "Quebec" else "US",
        "$browser": browser,
        "$browser_version": version,
        "$os": system,
        "mp_lib": "web",
        "plan": _PLANS[int(rng.integers(len(_PLANS)))],
        "wave": wave_of(sign_up_day(plan, number)),
        "site": site,
        "role": _ROLES[int(rng.integers(len(_ROLES)))],
        "department": _DEPARTMENTS[int(rng.integers(len(_DEPARTMENTS)))],
        "$name": f"{first} {last}",
    }


def app_version(day: int) -> str:
    """The released version: a patch every four days, a minor version every third week."""
    return f"1.{max(day, 0) // 21}.{max(day, 0) % 21 // 4}" if day >= 0 else "0.9.8"


def record(plan: Plan, events: EventDay, row: int, convention: TimeConvention = "utc") -> Record:
    """One delivery as a raw-export record."""
    event, bits = int(events.name[row]), int(events.insert_number[row])
    moment, user = int(events.occurred_at[row]), profile(plan, int(events.user[row]))
    properties = {
        "time": moment if convention == "utc" else wall_clock(moment),
        **user,
        "$insert_id": events.insert_id(row),
        "mp_processing_time_ms": int(events.processed_at_ms[row]),
        "app_version": app_version(events.day),
        **_DETAILS[event](bits, user),
    }
    if events.attempt[row] > 1:
        properties["delivery_attempt"] = int(events.attempt[row])
    return {"event": EVENT_NAMES[event], "properties": properties}


def records(plan: Plan, events: EventDay, convention: TimeConvention = "utc") -> Iterator[Record]:
    """All deliveries of a day, in order of their processing time."""
    return (record(plan, events, row, convention) for row in range(len(events)))


def wall_clock(moment: int) -> int:
    """The New York wall clock of an epoch second, written as if it were UTC: how projects from before 2023 store `time`."""
    offset = dt.datetime.fromtimestamp(moment, NEW_YORK).utcoffset()
    return moment + int((offset or dt.timedelta()).total_seconds())


def _signed_up(bits: int, user: Record) -> Record:
    return {
        "$email": f"{user['distinct_id']}@{user['wave']}.emr-platform.example",
        "referrer": ("invitation", "webinar", "search")[bits % 3],
        "has_accepted_terms": True,
    }


def _logged_in(bits: int, _: Record) -> Record:
    return {"method": ("password", "sso", "sso", "passkey")[bits % 4], "session_id": f"s-{bits % 0xFFFFFFF:07x}"}


def _task_created(bits: int, _: Record) -> Record:
    return {
        "task_id": bits % 10_000_000,
        "task_type": _TASK_TYPES[bits // 7 % 6],
        "task_priority": _PRIORITIES[bits // 11 % 5],
        "note": _NOTES[bits // 13 % 7],
    }


def _task_completed(bits: int, _: Record) -> Record:
    return {
        "task_id": bits % 10_000_000,
        "task_type": _TASK_TYPES[bits // 7 % 6],
        "duration_seconds": round(45 + bits // 19 % 86_000 / 7, 1),
        "is_overdue": bits // 23 % 9 == 0,
    }


def _handover(bits: int, _: Record) -> Record:
    return {
        "patients_count": 3 + bits // 7 % 14,
        "duration_seconds": 240 + bits // 11 % 1500,
        "shift": ("day", "evening", "night")[bits // 13 % 3],
    }


def _verified(bits: int, _: Record) -> Record:
    return {"vendor": _VENDORS[bits // 7 % 4], "is_match": bits // 11 % 50 != 0, "response_ms": 80 + bits // 13 % 900}


def _exported(bits: int, _: Record) -> Record:
    return {"format": ("csv", "pdf")[bits // 7 % 2], "rows_count": 10 + bits // 11 % 4000}


_DETAILS: dict[int, Callable[[int, Record], Record]] = {
    SIGNED_UP: _signed_up,
    LOGGED_IN: _logged_in,
    TASK_CREATED: _task_created,
    TASK_COMPLETED: _task_completed,
    HANDOVER: _handover,
    VERIFIED: _verified,
    EXPORTED: _exported,
}
