"""The Mixpanel events of the EMR launch, one New York day at a time.

    people -> who is active -> what they do, when -> what a trouble swallows -> duplicates, lateness -> EventDay -> records

An `EventDay` holds the deliveries as columns, cheap to filter and count; `record` writes one out with all its properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sandbox.story.people import cohort, return_chance, users_through
from sandbox.story.plan import FIRST_DAY, HOUR, Floats, Ints, Plan, hour_weights
from sandbox.story.troubles import lost_share

EVENT_NAMES = ("Signed Up", "Logged In", "Task Created", "Task Completed", "Handover Completed", "EMR Verified", "Export Used")
SIGNED_UP, LOGGED_IN, TASK_CREATED, TASK_COMPLETED, HANDOVER, VERIFIED, EXPORTED = range(7)
LATE_DAY = 88  # a tenth of its events is delivered 26-30 hours late
LATE_SHARE = 0.10
DUPLICATE_SHARE = 0.005
_WARD_HOURS = hour_weights(h0_5=0.5, h6_6=1.6, h7_8=3.2, h9_11=3.8, h12_12=2.4, h13_16=3.4, h17_17=2.0, h18_19=2.4, h20_23=0.9)
_SHIFT_CHANGES = hour_weights(h0_5=0.05, h6_7=4.0, h8_13=0.4, h14_15=2.5, h16_17=0.5, h18_19=4.0, h20_21=0.6, h22_23=2.0)
_DESK_HOURS = hour_weights(h0_6=0.02, h7_8=1.0, h9_16=3.0, h17_19=0.8, h20_23=0.1)
# event, mean count of a user who is active that day, hours; all but the login need a first task on an earlier day
_HABITS = (
    (LOGGED_IN, 0.12, _WARD_HOURS),
    (TASK_CREATED, 0.76, _WARD_HOURS),
    (TASK_COMPLETED, 0.58, _WARD_HOURS),
    (HANDOVER, 0.25, _SHIFT_CHANGES),
    (VERIFIED, 0.21, _WARD_HOURS),
    (EXPORTED, 0.055, _DESK_HOURS),
)


@dataclass(frozen=True)
class EventDay:
    """All deliveries of one New York day, sorted by processing time; every column has shape (deliveries,)."""

    day: int
    name: Ints  # index into EVENT_NAMES
    user: Ints  # user number
    occurred_at: Ints  # epoch seconds
    processed_at_ms: Ints  # epoch milliseconds, UTC
    insert_number: Ints  # the same for both deliveries of a duplicate
    attempt: Ints  # 1, or 2 for the second delivery

    def __len__(self) -> int:
        """How many deliveries there are."""
        return len(self.name)

    def insert_id(self, row: int) -> str:
        """The `$insert_id` of a row: 16 hex digits, as the browser library makes them."""
        return f"{int(self.insert_number[row]):016x}"


@lru_cache(maxsize=16)
def event_day(plan: Plan, day: int) -> EventDay:
    """What the users did on a launch day, as delivered to Mixpanel whenever it arrived."""
    if day < FIRST_DAY:
        return _deliver(plan, day, [])
    actions = [*_first_steps(plan, day), *_habits(plan, day)]
    return _deliver(plan, day, actions)


def _first_steps(plan: Plan, day: int) -> list[tuple[int, Ints, Ints]]:
    """Sign-ups, first logins and first tasks that fall on this day: (event, users, moments)."""
    start, end = plan.at(day), plan.at(day + 1)
    new = cohort(plan, day)
    steps = [(SIGNED_UP, new.number, new.signed_up_at)]
    for earlier in range(max(FIRST_DAY, day - 25), day + 1):
        people = cohort(plan, earlier)
        for event, at in ((LOGGED_IN, people.logged_in_at), (TASK_CREATED, people.first_task_at)):
            today = (at >= start) & (at < end)
            steps.append((event, people.number[today], at[today]))
    return steps


def _habits(plan: Plan, day: int) -> list[tuple[int, Ints, Ints]]:
    """What returning users do on this day: (event, users, moments)."""
    rng = plan.rng("habits", day)
    users = users_through(plan, day)
    start, end = plan.at(day), plan.at(day + 1)
    comes = (rng.random(len(users.number)) < return_chance(plan, day, users)) & (users.logged_in_at < start)
    at_work = users.number[comes & (users.first_task_at < start)]
    looking = users.number[comes]
    actions = [(LOGGED_IN, looking, plan.moments(rng, day, _WARD_HOURS, len(looking)))]
    for event, mean, hours in _HABITS:
        doers = np.repeat(at_work, rng.poisson(mean, len(at_work)))
        actions.append((event, doers, plan.moments(rng, day, hours, len(doers))))
    kept = []
    for event, doers, moments in actions:
        stays = rng.random(len(moments)) >= lost_share(plan, moments)
        kept.append((event, doers[stays], moments[stays]))
    fresh = users.number[(users.first_task_at >= start) & (users.first_task_at < end)]
    first_at = users.first_task_at[(users.first_task_at >= start) & (users.first_task_at < end)]
    finishes = rng.random(len(fresh)) < 0.55
    done_at = np.minimum(first_at[finishes] + rng.integers(120, 2 * HOUR, finishes.sum()), end - 1)
    return [*kept, (TASK_COMPLETED, fresh[finishes], done_at)]


def _deliver(plan: Plan, day: int, actions: list[tuple[int, Ints, Ints]]) -> EventDay:
    """Give every action its insert id and arrival; deliver some twice, and on LATE_DAY some a day late."""
    rng = plan.rng("delivery", day)
    empty = np.array([], dtype=np.int64)
    name = np.concatenate([empty, *(np.full(len(users), event, dtype=np.int64) for event, users, _ in actions)])
    user = np.concatenate([empty, *(users for _, users, _ in actions)])
    occurred = np.concatenate([empty, *(moments for _, _, moments in actions)])
    count = len(name)
    insert = rng.integers(1 << 48, 1 << 62, size=count)
    processed = occurred * 1000 + _delays_ms(rng, count)
    if day == LATE_DAY:
        late = rng.random(count) < LATE_SHARE
        processed = np.where(late, occurred * 1000 + rng.integers(26 * HOUR * 1000, 30 * HOUR * 1000, count), processed)
    twice = rng.random(count) < DUPLICATE_SHARE
    again = processed[twice] + rng.integers(2_000, 1_500_000, int(twice.sum()))
    rows = np.concatenate([np.arange(count), np.flatnonzero(twice)])
    processed = np.concatenate([processed, again])
    attempt = np.concatenate([np.ones(count, dtype=np.int64), np.full(int(twice.sum()), 2, dtype=np.int64)])
    order = np.lexsort((rows, processed))
    rows = rows[order]
    return EventDay(day, name[rows], user[rows], occurred[rows], processed[order], insert[rows], attempt[order])


def _delays_ms(rng: np.random.Generator, count: int) -> Ints:
    """Milliseconds from browser to Mixpanel: seconds as a rule, at most half an hour."""
    delays: Floats = np.minimum(rng.lognormal(np.log(4_000), 1.1, count), 1_800_000)
    return delays.astype(np.int64)
