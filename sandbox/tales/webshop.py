"""The webshop: too few visitors to judge, and nobody looks any more.

After day 12 tickets stay unanswered, releases stop, and what fires pages nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandbox.story.plan import DAY, Floats, Ints, hour_weights
from sandbox.story.tickets import Ticket
from sandbox.story.troubles import Trouble
from sandbox.tales.calendar import Calendar
from sandbox.tales.people import members, ticket
from sandbox.tales.signals import Service, between, gauge, now_and_then
from sandbox.tales.tale import Occurrence, Release, Tale, Told

JOINING = ((0, 40, 3),)
LOOKED_AT_UNTIL = 12  # the last day whose tickets are answered
DISK_FULL_DAY = 17  # the disk is beyond what the plan alerts at, and stays there
SLOW_DAY, SLOW_MINUTES = 15, 40
_SHOPPING = hour_weights(h0_7=0.2, h8_11=1.0, h12_14=1.5, h15_18=1.0, h19_22=2.5, h23_23=0.8)


def _occurrences(told: Told, day: int) -> Sequence[Occurrence]:
    rng = told.rng("day", day)
    found = []
    for each in members(JOINING, day):
        user = each.name(told)
        if each.joined == day:
            found.append(Occurrence(told.at(day, 11) + each.number, "User Registered", user))
        if each.joined != day and rng.random() > 0.25:
            continue
        at = int(told.moments(rng, day, 1, _SHOPPING)[0]) // 3600 * 3600 + 60 * (each.number % 20)
        found.append(Occurrence(at, "Shop Visited", user))
        for after, name, goes_on in ((120, "Cart Filled", 0.6), (300, "Checkout Started", 0.7), (420, "Order Placed", 0.8)):
            if rng.random() > goes_on:
                if name == "Order Placed":
                    found.append(Occurrence(at + after, "Payment Failed", user))
                break
            found.append(Occurrence(at + after, name, user, {"items_count": int(rng.integers(1, 6))}))
            if name == "Order Placed":
                found.append(Occurrence(at + 1800, "Order Rated", user, {"stars": int(rng.choice((3, 4, 5), p=(0.2, 0.3, 0.5)))}))
    return found


def _tickets(told: Told, day: int) -> Sequence[Ticket]:
    if day < 0:
        return ()
    is_answered = day <= LOOKED_AT_UNTIL
    found = [
        ticket(
            told,
            day,
            0,
            ("high", "normal", "low")[day % 3],
            "how_to",
            reply=0.6 * is_answered,
            solve=(3 + 20 * (day % 2)) * is_answered,
            hour=10,
        )
    ]
    if day == 4:
        found.append(ticket(told, day, 1, "urgent", "payment", reply=0.2, solve=1.5, hour=12))
    return found


def _failing(_: Calendar, minutes: Ints) -> Floats:
    return np.full(len(minutes), 0.0003)


def _disk(told: Calendar, minutes: Ints, _: np.random.Generator) -> Floats:
    days = (minutes - told.at(0)) / DAY
    used: Floats = np.round(np.minimum(0.8 + 0.012 * (days - DISK_FULL_DAY), 0.97), 4).astype(np.float64)
    return used


def _waiting(told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    begins = told.at(SLOW_DAY, 20)
    during = (minutes >= begins) & (minutes < begins + 60 * SLOW_MINUTES)
    return np.where(during, 1800.0, rng.integers(0, 60, len(minutes)))


_NODES, _QUEUE = {"job": "webshop-nodes", "instance": "web-1:9100"}, {"job": "webshop-queue", "instance": "queue-1:9121"}

WEBSHOP = Tale(
    launch="webshop",
    title="a forgotten launch, and a sample too small: few visitors, and nobody looks",
    begins=55,
    zone="UTC",
    project=3210994,
    occurrences=_occurrences,
    brand=360004725,
    tickets=_tickets,
    services=("PWEB01", "PWEB02"),
    troubles=(
        Trouble(2, (14, 10), "P1", "PWEB01", "Checkout slower than 5 seconds", 120, ack=22),
        Trouble(4, (11, 50), "P0", "PWEB01", "Payments are refused", 85, ack=6, hotfix=75),
        Trouble(SLOW_DAY, (20, 0), "P2", "PWEB02", "Jobs pile up", SLOW_MINUTES, is_paged=False),
    ),
    releases=tuple(Release(day, (7, 15)) for day in (1, 6, 11)),
    signals=(
        *Service("webshop", 20, ((0.5, 0.6), (1.0, 0.25), (2.0, 0.1), (5.0, 0.045)), _failing).signals(),
        between("mysql_connections_used_ratio", {"job": "webshop-db", "instance": "db-1:9104"}, 0.1, 0.3),
        between("node_cpu_used_ratio", _NODES, 0.1, 0.35),
        between("node_memory_used_ratio", _NODES, 0.5, 0.6),
        gauge("node_filesystem_used_ratio", _NODES, _disk),
        gauge("queue_jobs_waiting", _QUEUE, _waiting),
        now_and_then("mail_messages_failed_total", _QUEUE, 0.002),
        now_and_then("scheduler_tasks_failed_total", {"job": "webshop-scheduler", "instance": "cron-1:9100"}, 0.0005),
    ),
    first_day=0,
)
