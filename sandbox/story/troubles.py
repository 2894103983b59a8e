"""What goes wrong, when, and how it is felt: one script that all four sources follow.

A trouble raises errors and latency (Prometheus), pages somebody (PagerDuty), loses users' actions (Mixpanel) and makes tickets (Zendesk).
Days 0..90 are scripted; after them, small troubles go on at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sandbox.story.plan import FIRST_DAY, HISTORY_DAYS, Floats, Ints, Plan

API, WEB, INTEGRATIONS, BILLING = "PEMR01", "PEMR02", "PEMR03", "PBIL01"


@dataclass(frozen=True)
class Trouble:
    """Times of day are New York wall clock; minutes count from `starts_at`, when users begin to feel it."""

    day: int
    clock: tuple[int, int]
    severity: str
    service: str
    title: str
    lasts: int  # minutes until it is resolved
    page: int = 2  # minutes until the alert fires
    ack: int | None = 8  # minutes until somebody acknowledges; None: nobody does
    escalate: tuple[int, ...] = ()  # minutes of escalations
    reack: tuple[int, int] | None = None  # minutes at which the acknowledgement times out, and comes again
    error_ratio: float = 0.0  # share of requests that fail with a 5xx
    slower: float = 1.0  # factor on latency
    lost: float = 0.0  # share of users' actions that never happen
    down: tuple[int, int, int] | None = None  # instance number, first and last minute of its outage
    vendor_down: bool = False  # the EMR vendor's API does not answer
    tickets: int = 0
    post_mortem: int | None = None  # minutes until it is written; None: never
    requirements: tuple[str, ...] = ()  # that it broke
    hotfix: int | None = None  # minutes from the page until a hotfix is live; None: it is settled without one
    is_paged: bool = True  # False: it is felt, and nobody is told
    starts_at: int = 0  # epoch second, filled in by `troubles`

    @property
    def ends_at(self) -> int:
        """Epoch second at which it is resolved."""
        return self.starts_at + 60 * self.lasts


_SCRIPT = (
    Trouble(-5, (11, 20), "P3", INTEGRATIONS, "Sandbox feed of the EMR vendor is stale", 95, ack=31),
    Trouble(
        3, (10, 42), "P1", API, "Logins rejected after key rotation", 23, ack=4, error_ratio=0.06, lost=0.35, tickets=5,
        hotfix=105, post_mortem=19, requirements=("REQ-EMR-002",),
    ),
    Trouble(6, (16, 5), "P2", WEB, "Task list slow for large sites", 48, ack=14, slower=1.5, post_mortem=1900),
    Trouble(9, (22, 15), "P3", INTEGRATIONS, "HL7 message queue retrying", 130, ack=57),
    Trouble(13, (9, 12), "P2", API, "Handover notes saved twice", 66, ack=9, tickets=2, post_mortem=4300),
    Trouble(
        17, (13, 30), "P2", INTEGRATIONS, "EMR verification times out", 118, ack=11, reack=(41, 55), error_ratio=0.004, vendor_down=True,
        post_mortem=6000,
    ),
    Trouble(20, (15, 0), "P2", BILLING, "Invoice export failed", 75, ack=12),
    Trouble(22, (2, 40), "P3", WEB, "Certificate of the status page expires in 14 days", 242, ack=None),
    Trouble(26, (11, 50), "P2", API, "Elevated 5xx on attachments", 34, ack=7, error_ratio=0.012, slower=1.2, hotfix=80),
    Trouble(31, (19, 25), "P3", INTEGRATIONS, "Consumer lag of emr-tasks above 1,000", 52, ack=23),
    Trouble(
        37, (14, 8), "P1", API, "API errors above 10 %: connection pool of the primary exhausted", 80, page=3, ack=17, escalate=(13,),
        error_ratio=0.14, slower=4.0, lost=0.6, down=(1, 21, 33), tickets=24,
        hotfix=160, post_mortem=76, requirements=("REQ-EMR-004", "REQ-EMR-011"),
    ),
    Trouble(
        44, (10, 10), "P2", WEB, "Session lost after deploy", 41, ack=10, lost=0.05, tickets=3,
        hotfix=95, post_mortem=12000, requirements=("REQ-EMR-011",),
    ),
    Trouble(52, (4, 30), "P3", INTEGRATIONS, "Nightly reconciliation of patients late", 180, ack=96),
    Trouble(55, (12, 0), "P1", BILLING, "Card payments declined", 37, ack=3, post_mortem=33),
    Trouble(63, (15, 45), "P2", API, "Search latency above 1 s", 57, ack=12, slower=1.8, hotfix=110, post_mortem=1300),
    Trouble(
        74, (6, 20), "P2", API, "Redis memory close to its limit, restarted", 44, ack=18, slower=1.3, error_ratio=0.003, post_mortem=9600,
    ),
    Trouble(81, (17, 35), "P3", WEB, "Push notifications delayed", 88, ack=40),
    Trouble(86, (9, 55), "P2", INTEGRATIONS, "EMR verification degraded", 73, ack=13, escalate=(10,), tickets=2, vendor_down=True),
    Trouble(90, (21, 10), "P3", INTEGRATIONS, "Archive of audit log falls behind", 770, ack=34),
)  # fmt: skip
MAIN_DAY = 37
UNPAGED_DAY, UNPAGED_MINUTES = 47, 35  # the vendor's API is away at night, and nobody is paged
_LATER_TITLES = ("Slow queries on the task list", "EMR feed delayed", "Background jobs pile up", "Elevated 5xx on exports")


def main_trouble(plan: Plan) -> Trouble:
    """The P1 around launch day 37 that the whole story shows."""
    return max(troubles(plan, HISTORY_DAYS), key=lambda trouble: trouble.lost)


@lru_cache(maxsize=64)
def troubles(plan: Plan, last_day: int) -> tuple[Trouble, ...]:
    """All troubles that start from the first day of the story to `last_day`, in order of time."""
    told = [replace(trouble, day=_weekday_from(plan, trouble.day)) if trouble.day == MAIN_DAY else trouble for trouble in _SCRIPT]
    told += [trouble for day in range(HISTORY_DAYS + 1, last_day + 1) for trouble in _later(plan, day)]
    timed = [replace(trouble, starts_at=plan.at(trouble.day, *trouble.clock)) for trouble in told if FIRST_DAY <= trouble.day <= last_day]
    return tuple(sorted(timed, key=lambda trouble: trouble.starts_at))


def lost_share(plan: Plan, moments: Ints) -> Floats:
    """The share of users' actions that a trouble swallows at each epoch second (same shape)."""
    lost = np.zeros(moments.shape)
    for trouble in _felt(plan, moments):
        if trouble.lost:
            during = (moments >= trouble.starts_at) & (moments < trouble.ends_at)
            lost = np.where(during, np.maximum(lost, trouble.lost), lost)
    return lost


def felt_by_machines(plan: Plan, minutes: Ints) -> tuple[Floats, Floats]:
    """(share of requests that fail on top of the usual, factor on latency) at each epoch second (same shape)."""
    errors, slower = np.zeros(minutes.shape), np.ones(minutes.shape)
    for trouble in _felt(plan, minutes):
        if trouble.service == API or trouble.error_ratio:
            during = (minutes >= trouble.starts_at) & (minutes < trouble.ends_at)
            errors = np.where(during, np.maximum(errors, trouble.error_ratio), errors)
            slower = np.where(during, np.maximum(slower, trouble.slower), slower)
    return errors, slower


def vendor_is_up(plan: Plan, minutes: Ints) -> Floats:
    """Whether the EMR vendor's API answers at each epoch second, 1 or 0 (same shape)."""
    spans = [(trouble.starts_at, trouble.ends_at) for trouble in _felt(plan, minutes) if trouble.vendor_down]
    unpaged = plan.at(UNPAGED_DAY, 3, 20)
    is_down = np.zeros(minutes.shape, dtype=np.bool_)
    for first, last in (*spans, (unpaged, unpaged + 60 * UNPAGED_MINUTES)):
        is_down |= (minutes >= first) & (minutes < last)
    return np.where(is_down, 0.0, 1.0)


def outages(plan: Plan, first_day: int, last_day: int) -> list[tuple[int, int, int]]:
    """(instance number, first epoch second down, first epoch second up again) of troubles that start on these days."""
    return [
        (trouble.down[0], trouble.starts_at + 60 * trouble.down[1], trouble.starts_at + 60 * trouble.down[2])
        for trouble in troubles(plan, last_day)
        if trouble.down is not None and trouble.day >= first_day
    ]


def _felt(plan: Plan, moments: Ints) -> list[Trouble]:
    if not moments.size:
        return []
    first, last = int(moments.min()), int(moments.max())
    return [trouble for trouble in troubles(plan, plan.day_of(last)) if trouble.starts_at <= last and trouble.ends_at > first]


def _weekday_from(plan: Plan, day: int) -> int:
    return next(later for later in range(day, day + 7) if plan.weekday(later) < 5)


def _later(plan: Plan, day: int) -> list[Trouble]:
    rng = plan.rng("later trouble", day)
    if rng.random() > 0.13:
        return []
    severity = "P2" if rng.random() < 0.4 else "P3"
    service = (API, WEB, INTEGRATIONS)[int(rng.integers(3))]
    clock = (int(rng.integers(7, 20)), int(rng.integers(60)))
    lasts, ack = int(rng.integers(35, 160)), int(rng.integers(6, 30))
    return [Trouble(day, clock, severity, service, _LATER_TITLES[int(rng.integers(4))], lasts, ack=ack, slower=1.2)]
