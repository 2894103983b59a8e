"""Anteraja Pro and Biza: a launch before its peak. Everything is well, and Harbolnas, the day on which it must hold, is still to come.

Users of Pro order often, some of them sixty times in a quarter; companies of Biza send in bulk about once a month.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandbox.story.plan import Floats, Ints, hour_weights
from sandbox.story.tickets import Ticket
from sandbox.tales.calendar import Calendar
from sandbox.tales.people import members, ticket
from sandbox.tales.signals import Service
from sandbox.tales.tale import Occurrence, Tale, Told

JOINING = ((0, 13, 10),)
COMPANIES = 24  # the first users are Biza's, one or two a company
BIZA_USERS = 40
BUSY_EVERY = 5  # one user of Pro in so many orders about once a day
_DAYTIME = hour_weights(h0_6=0.2, h7_20=2.0, h21_23=0.6)
_UPLOAD = (("File Chosen", 0.9), ("File Checked", 0.85), ("Bulk Upload Sent", 0.92))


def _occurrences(told: Told, day: int) -> Sequence[Occurrence]:
    rng = told.rng("day", day)
    found: list[Occurrence] = []
    for each in members(JOINING, day):
        user = each.name(told)
        is_biza = each.number < BIZA_USERS
        own = {"company": f"company-{each.number % COMPANIES:02d}"} if is_biza else {}
        is_busy = not is_biza and each.number % BUSY_EVERY == 0
        if rng.random() > (0.97 if is_busy else 0.45):
            continue
        at = int(told.moments(rng, day, 1, _DAYTIME)[0])
        found.append(Occurrence(at, "App Opened", user, own))
        if rng.random() < 0.004:
            found.append(Occurrence(at + 5, "App Crashed", user, own))
            continue
        if rng.random() < 0.5:
            found.append(Occurrence(at + 10, "Banner Shown", user, own))
            if rng.random() < 0.12:
                found.append(Occurrence(at + 15, "Banner Clicked", user, own))
        if is_biza:
            found += _uploads(rng, at, day, each.number, user, own)
        elif is_busy or rng.random() < 0.3:
            found.append(Occurrence(at + 60, "Order Placed", user, {"parcels_count": int(rng.integers(1, 4))}))
            if is_busy and day % 2 == 0:
                found.append(Occurrence(at + 90, "Order Placed", user, {"parcels_count": 1}))
    return found


def _uploads(rng: np.random.Generator, at: int, day: int, number: int, user: str, own: dict[str, str]) -> list[Occurrence]:
    """A company's upload, on every tenth day at most; and the survey after it."""
    if (day + number) % 10:
        return []
    found, later = [Occurrence(at + 20, "Bulk Upload Opened", user, own)], at + 20
    for step, goes_on in _UPLOAD:
        if rng.random() > goes_on:
            return found
        later += 40
        found.append(Occurrence(later, step, user, own))
    found.append(Occurrence(later + 5, "Task Survey Shown", user, own))
    if rng.random() < 0.6:
        rating = int(rng.choice((3, 4, 5), p=(0.1, 0.4, 0.5)))
        found.append(Occurrence(later + 30, "Task Rated", user, {**own, "rating": rating, "recommend": 2 * rating}))
    return found


def _tickets(told: Told, day: int) -> Sequence[Ticket]:
    if day < 0 or day % 2:
        return ()
    return (ticket(told, day, 0, "normal", "how_to" if day % 4 else "tracking", reply=2, solve=7, hour=9),)


def _failing(_: Calendar, minutes: Ints) -> Floats:
    return np.full(len(minutes), 0.0005)


LOGISTICS = Tale(
    launch="logistics",
    title="a launch before its peak: all is well, and Harbolnas is still to come",
    begins=20,
    zone="Asia/Jakarta",
    project=3402216,
    occurrences=_occurrences,
    brand=360009158,
    tickets=_tickets,
    signals=Service("logistics-api", 60, ((0.1, 0.5), (0.25, 0.35), (0.5, 0.12), (1.0, 0.025)), _failing).signals(),
    first_day=0,
)
