"""One measured number."""

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
