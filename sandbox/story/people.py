"""Who uses the platform: onboarding waves of the plan (100, 500, 1,500, all), one cohort of users a sign-up day.

A user's whole path (first login, first task, how often they come back) is drawn on the sign-up day, so that later days need no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sandbox.story.plan import DAY, FIRST_DAY, Floats, Ints, Plan, hour_weights
from sandbox.story.troubles import lost_share, main_trouble

NEVER = np.iinfo(np.int64).max
OFFICE_HOURS = hour_weights(h0_5=0.15, h6_6=0.8, h7_8=2.2, h9_11=4.0, h12_12=2.6, h13_16=3.6, h17_18=1.6, h19_21=0.9, h22_23=0.4)
WAVES = ("internal", "week-1", "week-2", "week-3", "general")
_WAVE_ENDS = ((-1, 25), (6, 100), (13, 500), (20, 1500), (27, 2000))  # last day of a wave, users in all at its end
_WEBINAR_HOURS = hour_weights(h7_13=1.0, h14_15=7.0, h16_20=1.0)
_WEBINAR_GUESTS = 60  # a hospital group joins in the week of the great trouble, a webinar at two each weekday
_TESTERS = (6, 4, 3, 3, 2, 0, 0, 4, 3)
_SIGN_UP_WEEK = np.array([1.15, 1.2, 1.1, 1.05, 0.95, 0.35, 0.3])


@dataclass(frozen=True)
class Cohort:
    """Users who signed up on one day; every array has shape (users,)."""

    day: int
    number: Ints  # 0-based over the whole story: the user id
    signed_up_at: Ints
    logged_in_at: Ints  # NEVER if they never do
    first_task_at: Ints  # NEVER if they never do
    loyalty: Floats  # factor on the chance to come back


@dataclass(frozen=True)
class Users:
    """All users up to a day; every array has shape (users,)."""

    number: Ints
    age_days: Ints
    logged_in_at: Ints
    first_task_at: Ints
    loyalty: Floats


def wave_of(day: int) -> str:
    """The onboarding wave of a sign-up day."""
    return next((wave for wave, (last, _) in zip(WAVES, _WAVE_ENDS, strict=True) if day <= last), "general")


@lru_cache(maxsize=2048)
def sign_ups(plan: Plan, day: int) -> int:
    """How many people sign up on a day."""
    if day < FIRST_DAY:
        return 0
    if day < 0:
        return _TESTERS[day - FIRST_DAY]
    if day > _WAVE_ENDS[-1][0]:
        guests = _WEBINAR_GUESTS if _has_webinar(plan, day) else 0
        return guests + int(plan.rng("sign-ups", day).poisson(6.5 * _SIGN_UP_WEEK[plan.weekday(day)]))
    wave = next(number for number, (last, _) in enumerate(_WAVE_ENDS) if day <= last)
    first, (last, total) = _WAVE_ENDS[wave - 1][0] + 1, _WAVE_ENDS[wave]
    shares = np.cumsum([_SIGN_UP_WEEK[plan.weekday(each)] for each in range(first, last + 1)])
    reached = np.concatenate([[0], np.rint(shares / shares[-1] * (total - _WAVE_ENDS[wave - 1][1]))]).astype(int)
    return int(reached[day - first + 1] - reached[day - first])


@lru_cache(maxsize=512)
def users_before(plan: Plan, day: int) -> int:
    """How many people signed up before a day."""
    return sum(sign_ups(plan, each) for each in range(FIRST_DAY, day))


@lru_cache(maxsize=512)
def cohort(plan: Plan, day: int) -> Cohort:
    """The users who sign up on a day, with their way to the first task."""
    count = sign_ups(plan, day)
    rng = plan.rng("cohort", day)
    signed_up = plan.moments(rng, day, _WEBINAR_HOURS if _has_webinar(plan, day) else OFFICE_HOURS, count)
    logged_in = _next_step(plan, rng, signed_up, share=0.955, soon_share=0.9, soon_seconds=360)
    first_task = _next_step(plan, rng, logged_in, share=0.885, soon_share=0.76, soon_seconds=1500)
    activated = first_task < NEVER
    loyalty = np.where(activated, np.clip(rng.normal(1.0, 0.22, count), 0.25, 1.45), 0.14)
    number = np.arange(count, dtype=np.int64) + users_before(plan, day)
    return Cohort(day, number, signed_up, logged_in, first_task, loyalty)


def users_through(plan: Plan, day: int) -> Users:
    """Everybody who signed up on or before a day."""
    cohorts = [cohort(plan, each) for each in range(FIRST_DAY, day + 1)]
    return Users(
        number=np.concatenate([each.number for each in cohorts]),
        age_days=np.concatenate([np.full(len(each.number), day - each.day, dtype=np.int64) for each in cohorts]),
        logged_in_at=np.concatenate([each.logged_in_at for each in cohorts]),
        first_task_at=np.concatenate([each.first_task_at for each in cohorts]),
        loyalty=np.concatenate([each.loyalty for each in cohorts]),
    )


def return_chance(plan: Plan, day: int, users: Users) -> Floats:
    """The chance that each user comes back on a day: decays with age, falls on weekends, differs by loyalty; 0 on the sign-up day."""
    week = (1.04, 1.08, 1.07, 1.05, 1.0, 0.6, 0.55)[plan.weekday(day)]
    age = np.maximum(users.age_days, 1)
    chance = 0.83 * age**-0.115 * week * users.loyalty
    return np.where(users.age_days > 0, np.clip(chance, 0.0, 0.97), 0.0)


def sign_up_day(plan: Plan, number: int) -> int:
    """The sign-up day of a user number."""
    day = FIRST_DAY
    while users_before(plan, day + 1) <= number:
        day += 1
    return day


def _has_webinar(plan: Plan, day: int) -> bool:
    return abs(day - main_trouble(plan).day) <= 3 and plan.weekday(day) < 5


def _next_step(plan: Plan, rng: np.random.Generator, before: Ints, *, share: float, soon_share: float, soon_seconds: float) -> Ints:
    """When the next step follows: mostly within the session, sometimes days later, never for some; a trouble puts off or ends it."""
    count = len(before)
    soon = rng.lognormal(np.log(soon_seconds), 0.8, count)
    days_later = rng.choice(np.array([1, 2, 3, 5, 8, 11]), size=count, p=[0.42, 0.25, 0.14, 0.1, 0.06, 0.03]) * DAY
    delay = np.where(rng.random(count) < soon_share, soon, days_later + rng.normal(0, 3000, count)).astype(np.int64)
    goes_on = (rng.random(count) < share) & (before < NEVER)
    at: npt.NDArray[np.int64] = np.where(goes_on, np.where(before < NEVER, before, 0) + np.maximum(delay, 5), NEVER)
    hit = (rng.random(count) < lost_share(plan, np.where(goes_on, at, 0))) & goes_on
    gives_up = rng.random(count) < 0.6
    return np.where(hit & gives_up, NEVER, np.where(hit, at + DAY, at))
