"""One measured number, and the sentence that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure, what it should be, and whether it is; `holds` is None for figures that only inform."""

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


def at_most(name: str, value: float, unit: str, bound: float) -> Figure:
    """A figure that must not be larger than its bound."""
    return Figure(name, value, unit, f"<= {bound:g}", value <= bound)


def at_least(name: str, value: float, unit: str, bound: float) -> Figure:
    """A figure that must not be smaller than its bound."""
    return Figure(name, value, unit, f">= {bound:g}", value >= bound)
