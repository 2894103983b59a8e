"""What a target asks: at least (>=) or more than (>) a bound, at most (<=) or less than (<) it."""

from __future__ import annotations

from operator import ge, gt, le, lt

_KEPT = {">=": ge, ">": gt, "<=": le, "<": lt}
SIGNS = {">=": "≥", ">": ">", "<=": "≤", "<": "<"}
WORDS = {">=": "at least", ">": "more than", "<=": "at most", "<": "fewer than"}
GOALS = {">=": "{} or more", ">": "more than {}", "<=": "{} or less", "<": "less than {}"}


def is_kept(value: float, comparator: str, target: float) -> bool:
    """Whether a value keeps its target; on the line the strict ones (> and <) are not kept."""
    return bool(_KEPT[comparator](value, target))


def asks_for_more(comparator: str | None) -> bool:
    """Whether higher values keep the target."""
    return comparator in (">=", ">")
