"""The part of PromQL that the simulator speaks.

name{label="value", label=~"regex"}        a plain vector selector
timestamp(<selector>)                      when the samples were scraped
time() - timestamp(<selector>) >= 60       how old they are, where they are at least so old
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_MATCHER = re.compile(r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*""")
_ESCAPES = {"n": "\n", "t": "\t"}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")


_TIMESTAMP = re.compile(r"(time\(\) - )?timestamp\((.*)\)(?(1) >= (\d+))", re.DOTALL)


class PromqlError(ValueError):
    """The text is not a plain selector, or a parameter has the wrong form."""


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a label that a series lacks counts as empty, regular expressions match the whole value."""

    label: str
    operator: str
    value: str

    def accepts(self, labels: dict[str, str]) -> bool:
        """True if the labels fulfil the condition."""
        found = labels.get(self.label, "")
        matches = re.fullmatch(self.value, found) is not None if "~" in self.operator else found == self.value
        return not matches if self.operator.startswith("!") else matches


@dataclass(frozen=True)
class Query:
    """A selector and what is asked of its samples: their values, when they were scraped, or how old those are of at least `oldest`."""

    matchers: tuple[Matcher, ...]
    asks: Literal["value", "timestamp", "age"] = "value"
    oldest: float = 0


def parse_query(text: str) -> Query:
    """One of the three forms; PromqlError for anything else."""
    found = _TIMESTAMP.fullmatch(text.strip())
    if found is None:
        return Query(parse_selector(text))
    return Query(parse_selector(found[2]), "age" if found[1] else "timestamp", float(found[3] or 0))


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of a selector, its name included; PromqlError for anything else."""
    rest = text.strip()
    matchers: list[Matcher] = []
    name = _NAME.match(rest)
    if name:
        matchers.append(Matcher("__name__", "=", name.group()))
        rest = rest[name.end() :].strip()
    if rest:
        if not (rest.startswith("{") and rest.endswith("}")):
            raise PromqlError(f'{text!r}: the sandbox understands plain selectors only, for example up{{job="emr-api"}}')
        matchers += _matchers(rest[1:-1], text)
    if not any(_needs_a_value(matcher) for matcher in matchers):
        raise PromqlError(f"{text!r}: vector selector must contain at least one non-empty matcher")
    return tuple(matchers)


def parse_duration(text: str) -> float:
    """Seconds of `300`, `0.5`, `5m` or `1h30m`; PromqlError otherwise."""
    try:
        return float(text)
    except ValueError:
        parts = _DURATION.fullmatch(text)
        if not text or parts is None:
            raise PromqlError(f'cannot parse "{text}" to a valid duration') from None
        return sum(int(part or 0) * unit for part, unit in zip(parts.groups(), (86400, 3600, 60, 1, 0.001), strict=True))


def _matchers(text: str, whole: str) -> list[Matcher]:
    found, position = [], 0
    while position < len(text) and text[position:].strip():
        match = _MATCHER.match(text, position)
        if match is None:
            raise PromqlError(f"{whole!r}: unexpected {text[position:].strip()!r} in label matching")
        label, operator, quoted = match.groups()
        value = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(str(escape[1]), str(escape[1])), quoted[1:-1])
        if "~" in operator:
            _check_pattern(value, whole)
        found.append(Matcher(label, operator, value))
        position = match.end()
        if position < len(text):
            if text[position] != ",":
                raise PromqlError(f"{whole!r}: unexpected {text[position:]!r} in label matching, expected a comma or a brace")
            position += 1
    return found


def _check_pattern(value: str, whole: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise PromqlError(f"{whole!r}: invalid regular expression {value!r}: {error}") from error


def _needs_a_value(matcher: Matcher) -> bool:
    return not matcher.accepts({})
