"""When the support desk is open: the three phases of the plan (around the clock, long days, office hours), in New York."""

from __future__ import annotations

from sandbox.story.plan import FIRST_DAY, Plan

Opening = tuple[int, int]  # epoch seconds: opens, closes
PHASES = (FIRST_DAY - 30, 14, 30)  # the launch days on which the hours change
HOLIDAYS = (("The desk moves in", FIRST_DAY - 2),)  # name and launch day, closed all day


def hours(day: int, weekday: int) -> tuple[int, int] | None:
    """The opening and closing hour of a weekday (0 = Monday) in the week plan of a launch day; None when it stays closed."""
    if day < PHASES[1]:
        return 0, 24
    if day < PHASES[2]:
        return (10, 18) if weekday >= 5 else (8, 22)
    return None if weekday >= 5 else (8, 18)


def opening(plan: Plan, day: int) -> Opening | None:
    """The opening hours of a launch day, or None when it stays closed."""
    found = hours(day, plan.weekday(day))
    if found is None or day in (holiday for _, holiday in HOLIDAYS):
        return None
    return plan.at(day, found[0]), plan.at(day + 1) if found[1] == 24 else plan.at(day, found[1])


def add_business_seconds(plan: Plan, start: int, seconds: float) -> int:
    """The moment at which `seconds` of opening time have passed since `start` (epoch seconds)."""
    left, day = seconds, plan.day_of(start)
    while True:
        hours = opening(plan, day)
        if hours is not None:
            begin = max(hours[0], start)
            if hours[1] - begin >= left and hours[1] > begin:
                return int(begin + left)
            left -= max(hours[1] - begin, 0)
        day += 1


def business_seconds(plan: Plan, start: float, end: float) -> float:
    """Seconds of opening time between two epoch seconds."""
    total = 0.0
    for day in range(plan.day_of(start), plan.day_of(end) + 1):
        hours = opening(plan, day)
        if hours is not None:
            total += max(0.0, min(hours[1], end) - max(hours[0], start))
    return total
