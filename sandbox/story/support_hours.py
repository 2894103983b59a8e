"""When the support desk is open: the three phases of the plan (around the clock, long days, office hours), in New York."""

from __future__ import annotations

from sandbox.story.plan import Plan

Opening = tuple[int, int]  # epoch seconds: opens, closes


def opening(plan: Plan, day: int) -> Opening | None:
    """The opening hours of a launch day, or None when it stays closed."""
    weekend = plan.weekday(day) >= 5
    if day <= 13:
        return plan.at(day), plan.at(day + 1)
    if day <= 29:
        return (plan.at(day, 10), plan.at(day, 18)) if weekend else (plan.at(day, 8), plan.at(day, 22))
    return None if weekend else (plan.at(day, 8), plan.at(day, 18))


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
