"""Plain PromQL selectors: `name{label="value", other=~"regex"}` and nothing around it.

What a query asks for can only be told without a server if it is one of these; of anything else (functions, sums, offsets) we know nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_MATCHER = re.compile(r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?:,|$)""")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class Matcher:
    """One condition; a label that a series lacks counts as empty, and a regular expression matches the whole value."""

    label: str
    operator: str
    value: str

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """True if the labels fulfil the condition."""
        found = labels.get(self.label, "")
        matches = re.fullmatch(self.value, found) is not None if "~" in self.operator else found == self.value
        return matches is not self.operator.startswith("!")


@dataclass(frozen=True)
class Selector:
    """The conditions of a plain selector, that on `__name__` included."""

    matchers: tuple[Matcher, ...]

    @property
    def has_one_name(self) -> bool:
        """True if every series that it takes has the same name."""
        return any(matcher.label == "__name__" and matcher.operator == "=" for matcher in self.matchers)

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """True if a series with these labels (`__name__` among them) is taken."""
        return all(matcher.accepts(labels) for matcher in self.matchers)


def parse_selector(query: str) -> Selector | None:
    """The selector that a query is; None if it is anything else."""
    name = _NAME.match(query)
    rest = query[name.end() :].rstrip() if name else query
    matchers = [Matcher("__name__", "=", name[1])] if name and name[1] else []
    if rest:
        inside = _matchers(rest[1:-1]) if rest[0] == "{" and rest[-1] == "}" else None
        if inside is None:
            return None
        matchers += inside
    return Selector(tuple(matchers)) if any(not matcher.accepts({}) for matcher in matchers) else None


def unescaped(text: str) -> str:
    """The characters that a quoted text means, quotes taken off: Go's escapes, those of OpenMetrics among them."""
    return _ESCAPE.sub(
        lambda found: chr(int(found[1] or found[2] or found[3], 16)) if not found[4] else _LETTERS.get(found[4], found[4]), text
    )


def _matchers(text: str) -> list[Matcher] | None:
    found: list[Matcher] = []
    position = 0
    while text[position:].strip():
        match = _MATCHER.match(text, position)
        if match is None:
            return None
        matcher = Matcher(match[1], match[2], unescaped(match[3][1:-1]))
        if "~" in matcher.operator and not _is_pattern(matcher.value):
            return None
        found.append(matcher)
        position = match.end()
    return found


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
