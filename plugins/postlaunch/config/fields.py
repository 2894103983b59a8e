"""What sections of a launch file are made of: kinds of values, with bounds that the warehouse and the calendar can hold."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A part of a launch file: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def known_zone(name: str) -> str:
    """Raises ValueError for what `zoneinfo` does not know."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone, for example America/New_York or UTC") from error
    return name


def written_as(pattern: str, example: str) -> Callable[[object], object]:
    """Numbers are seconds to pydantic: 8 would be eight seconds past midnight."""

    def check(value: object) -> object:
        if isinstance(value, str | int | float) and not re.fullmatch(pattern, str(value)):
            raise ValueError(f"{example} is expected")
        return value

    return check


def in_reach(date: dt.date) -> dt.date:
    """Dates whose neighbours of some years every step can hold too."""
    if not 1980 <= date.year <= 2200:
        raise ValueError("a date from 1980 to 2200 is expected")
    return date


def status_codes(pattern: str) -> str:
    """What Python and PostgreSQL read alike: one wrong expression must not reach the build of all launches."""
    if not re.fullmatch(r"[A-Za-z0-9_.|()\[\]?*+-]{1,200}", pattern) or "(?" in pattern:
        raise ValueError("a regular expression of letters, digits and _ . | ( ) [ ] ? * + - is expected, for example 5..|429")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def text_pattern(pattern: str) -> str:
    """What Python and PostgreSQL read alike, in text of people."""
    if not re.fullmatch(r"(?:[A-Za-z0-9_ .:/#|()\[\]?*+{},-]|\\[dws]){1,200}", pattern) or "(?" in pattern:
        raise ValueError("a regular expression of letters, digits, spaces, \\d \\w \\s and _ . : / # | ( ) [ ] ? * + { } , - is expected")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if re.search(pattern, ""):
        raise ValueError("it matches the empty text, and so every text")
    return pattern


Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,62}$")]
Zone = Annotated[str, AfterValidator(known_zone)]
# One address and nothing around it: no list, no display name, no quoting (RFC 5321 allows more than anybody uses).
Email = Annotated[str, Field(pattern=r"^[^@\s,;:<>()\[\]\"\\]+@[^@\s,;:<>()\[\]\"\\]+$", max_length=254)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
EventName = Annotated[str, Field(min_length=1, max_length=255)]  # Mixpanel's own limit
Query = Annotated[str, Field(min_length=1, max_length=10_000)]
Positive = Annotated[float, Field(gt=0)]
Minutes = Annotated[float, Field(gt=0, le=5_256_000)]  # ten years
Hours = Annotated[float, Field(gt=0, le=87_600)]  # ten years
Day = Annotated[int, Field(ge=-3_650, le=36_500)]  # of the launch: ten years before it, a hundred after
Date = Annotated[
    dt.date,
    BeforeValidator(written_as(r"\d{4}-\d\d-\d\d", "a date such as 2026-01-12")),
    AfterValidator(in_reach),
]
TimeOfDay = Annotated[dt.time, BeforeValidator(written_as(r"\d\d:\d\d(:\d\d)?", "a time such as 08:00"))]
AccountId = Annotated[int, Field(gt=0, lt=2**63)]
Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=200)]  # of a Prometheus series
StatusCodes = Annotated[str, AfterValidator(status_codes)]
Pattern = Annotated[str, AfterValidator(text_pattern)]
