"""The payment app: use goes up week by week, and so does what its users ask the desk. Whoever looks at use alone calls it a success.

A great failure in the evening of day 34 swallows payments; Stripe is away twice, and the second time nobody is paged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandbox.story.plan import DAY, Floats, Ints, hour_weights
from sandbox.story.tickets import Ticket
from sandbox.story.troubles import Trouble
from sandbox.tales.calendar import Calendar
from sandbox.tales.people import members, ticket
from sandbox.tales.signals import Service, between, counter, gauge
from sandbox.tales.tale import Occurrence, Release, Tale, Told, incidents

JOINING = ((-14, -1, 20), (0, 0, 70), (1, 60, 3))
TROUBLE_DAY, TROUBLE_HOUR, LASTS = 34, 18, 90  # minutes
LEAK_DAY = 18  # from here the memory of the API grows and does not level off
STRIPE_AWAY = ((12, 4, 9), (31, 3, 14))  # day, hour, minutes
BUSIER_FROM = 17  # the desk is asked three times as much, and every third reply comes late
_EVENING = hour_weights(h0_6=0.2, h7_16=1.0, h17_20=4.0, h21_23=1.0)
_QUERY_BOUNDS = ("0.05", "0.1", "0.2", "0.5", "+Inf")
_ITEMS = (("Retry a payment once", 37), ("Alert when payments fail", 40), ("Test the failover of the queue", None))


def undisturbed(told: Told, day: int) -> list[Occurrence]:
    """What users would do on a day if nothing failed."""
    rng = told.rng("day", day)
    known = members(JOINING, day)
    new = [each.name(told) for each in known if each.joined == day]
    found = [Occurrence(int(at), "Account Created", user) for user, at in zip(new, told.moments(rng, day, len(new)), strict=True)]
    share = 0.36 + 0.003 * max(day, 0)  # what grows
    ratings, odds = ((3, 4, 5), (0.15, 0.35, 0.5)) if day < BUSIER_FROM else ((3, 4, 5), (0.2, 0.4, 0.4))
    for user in (each.name(told) for each in known if each.joined < day):
        if rng.random() > share:
            continue
        found += [_payment(rng, int(at), user) for at in told.moments(rng, day, 1 + int(rng.poisson(0.6)), _EVENING)]
        if rng.random() < 0.05:
            rating = int(rng.choice(ratings, p=odds))
            found.append(Occurrence(told.at(day, 21), "Survey Answered", user, {"rating": rating, "recommend": 2 * rating}))
    return found


def is_swallowed(told: Told, each: Occurrence) -> bool:
    """Whether the great failure keeps it from happening."""
    begins = told.at(TROUBLE_DAY, TROUBLE_HOUR)
    return each.name.startswith("Payment") and begins <= each.at < begins + 60 * LASTS


def _occurrences(told: Told, day: int) -> Sequence[Occurrence]:
    return [each for each in undisturbed(told, day) if not is_swallowed(told, each)]


def _payment(rng: np.random.Generator, at: int, user: str) -> Occurrence:
    if rng.random() < 0.0003:
        return Occurrence(at, "Payment Failed", user, {"reason": "card declined"})
    return Occurrence(at, "Payment Succeeded", user, {"processing_seconds": round(float(rng.gamma(4.0, 0.3)), 3)})


def _tickets(told: Told, day: int) -> Sequence[Ticket]:
    rng = told.rng("tickets", day)
    is_busy = day >= BUSIER_FROM
    found = []
    for number in range(int(rng.poisson(7 if is_busy else 2)) + (day == 0)):
        priority = ("urgent", "high", "normal", "low")[int(rng.choice(4, p=(0.05, 0.15, 0.6, 0.2)))]
        reply = float(rng.uniform(0.2, 0.9)) * (9 if is_busy and number % 3 == 0 else 1)
        category = "account_verification" if rng.random() < 0.4 else "how_to"
        found.append(ticket(told, day, number, priority, category, reply=reply, solve=reply + float(rng.uniform(0.5, 3.0))))
    return found


def _failing(told: Calendar, minutes: Ints) -> Floats:
    begins = told.at(TROUBLE_DAY, TROUBLE_HOUR)
    during = (minutes >= begins) & (minutes < begins + 60 * LASTS)
    return np.where(during, 0.4, 0.0004)


def _stripe(told: Calendar, minutes: Ints, _: np.random.Generator) -> Floats:
    up = np.ones(len(minutes))
    for day, hour, lasts in STRIPE_AWAY:
        begins = told.at(day, hour)
        up[(minutes >= begins) & (minutes < begins + 60 * lasts)] = 0.0
    return up


def _queries(_: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    landed = rng.multinomial(rng.poisson(90, len(minutes)), (0.5, 0.3, 0.155, 0.04, 0.005))
    return np.cumsum(landed, axis=1).T.astype(np.float64)


def _resident(told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    days = np.maximum((minutes - told.at(LEAK_DAY)) / DAY, 0.0)
    grown: Floats = np.rint((420 + 55 * days + rng.normal(0, 2, len(minutes))) * 1e6)
    return grown


def _facts(told: Told, until: int) -> dict[str, list[tuple[str, ...]]]:
    """The action items of the great failure: two are done in time or late, one is open."""
    incident = str(next(each.number for each in incidents(told) if each.trouble.severity == "CRITICAL"))
    items = [(item, done if done is not None and done <= until else None) for item, done in _ITEMS if until > TROUBLE_DAY]
    opened = str(told.date_of(TROUBLE_DAY + 1))
    rows = [(incident, item, opened, "" if done is None else str(told.date_of(done))) for item, done in items]
    return {"action_items.csv": [("incident", "item", "opened", "done"), *rows]}


_API, _DB = {"job": "payments-api", "instance": "payments-api-1:8080"}, {"job": "payments-db", "instance": "payments-db-1:9187"}

PAYMENTS_APP = Tale(
    launch="payments-app",
    title="a cherry-picked success: use goes up, and so do tickets",
    begins=48,
    zone="UTC",
    project=3318842,
    occurrences=_occurrences,
    brand=360007311,
    tickets=_tickets,
    services=("PPAY01", "PPAY02"),
    troubles=(
        Trouble(5, (13, 10), "MEDIUM", "PPAY01", "Slow confirmation of payments", 35, ack=4),
        Trouble(12, (4, 0), "HIGH", "PPAY01", "Stripe does not answer", 31, page=3, ack=6),
        Trouble(
            TROUBLE_DAY,
            (TROUBLE_HOUR, 0),
            "CRITICAL",
            "PPAY01",
            "Payments fail",
            LASTS,
            page=3,
            ack=9,
            hotfix=80,
            post_mortem=1200,
            requirements=("REQ-PAY-003", "REQ-PAY-007"),
        ),
        Trouble(29, (2, 20), "LOW", "PPAY02", "Receipts are sent late", 110, ack=40),
    ),
    releases=(*(Release(day, (10, 0)) for day in (-3, 4, 11, 18, 25, 32)), Release(TROUBLE_DAY, (16, 30))),
    signals=(
        *Service("payments-api", 120, ((0.1, 0.55), (0.25, 0.3), (0.5, 0.12), (1.0, 0.025)), _failing).signals(),
        gauge("probe_success", {"job": "blackbox", "target": "stripe"}, _stripe),
        between("payments_transactions_per_second", _API, 30, 60),
        counter("db_query_duration_seconds_bucket", [_DB | {"le": bound} for bound in _QUERY_BOUNDS], _queries),
        between("process_cpu_used_ratio", _API, 0.35, 0.5),
        between("process_memory_used_ratio", _API, 0.58, 0.66),
        gauge("process_resident_memory_bytes", _API, _resident),
        gauge("node_filesystem_used_ratio", _DB, lambda told, minutes, _: np.round(0.35 + 0.0005 * (minutes - told.at(0)) / DAY, 5)),
    ),
    facts=_facts,
    first_day=-14,
)
