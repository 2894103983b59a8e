"""What one entry of a list alone cannot say: entries that stand twice, phases that overlap or end before they begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Phase(Protocol):
    """Launch days, both inclusive; None is open."""

    @property
    def from_day(self) -> int | None:
        """First day."""

    @property
    def to_day(self) -> int | None:
        """Last day."""


def unique_by(*names: str) -> Callable[[tuple[Item, ...]], tuple[Item, ...]]:
    """A validator of a list whose entries differ in these fields. Raises ValueError that names both places."""

    def check(entries: tuple[Item, ...]) -> tuple[Item, ...]:
        places: dict[object, int] = {}
        for number, entry in enumerate(entries):
            key = tuple(getattr(entry, name) for name in names)
            if key in places:
                what = ", ".join(f"{name} {value!r}" for name, value in zip(names, key, strict=True))
                raise ValueError(f"entries [{places[key]}] and [{number}] have the same {what}; keep one of them")
            places[key] = number
        return entries

    return check


def disjoint_phases(phases: tuple[Item, ...]) -> tuple[Item, ...]:
    """A validator of phases of the launch: no day belongs to two of them. Raises ValueError that names both places."""
    for number, second in enumerate(phases):
        for earlier, first in enumerate(phases[:number]):
            if _overlap(first, second):  # type: ignore[arg-type]
                raise ValueError(
                    f"entries [{earlier}] ({_days(first)}) and [{number}] ({_days(second)}) "  # type: ignore[arg-type]
                    "share days; a day belongs to one of them"
                )
    return phases


def ordered_days(phase: Phase) -> None:
    """Raises ValueError if a phase ends before it begins."""
    if phase.from_day is not None and phase.to_day is not None and phase.to_day < phase.from_day:
        raise ValueError(f"to_day {phase.to_day} lies before from_day {phase.from_day}")


def _overlap(first: Phase, second: Phase) -> bool:
    ends_before = first.to_day is not None and second.from_day is not None and first.to_day < second.from_day
    begins_after = second.to_day is not None and first.from_day is not None and second.to_day < first.from_day
    return not (ends_before or begins_after)


def _days(phase: Phase) -> str:
    first = "the beginning" if phase.from_day is None else f"day {phase.from_day}"
    return f"{first} to {'the end' if phase.to_day is None else f'day {phase.to_day}'}"
