"""Numbers and words as a reader sees them: one place, so that mail, text part and charts never disagree.

A missing value is `no data`, never 0. Between a number and its unit stands a no-break space.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from postlaunch.dates import Dates
from postlaunch.reviews import bounds

NO_DATA = "no data"
NBSP = "\u00a0"
DASH = "\u2013"
MINUS = "\u2212"


def value(number: float | None, unit: str) -> str:
    """`number` in the unit of its KPI (ratio, count, seconds, support_seconds, days, bytes, usd, score, per_second)."""
    if number is None or math.isnan(number):
        return NO_DATA
    match unit:
        case "ratio":
            return percent(number)
        case "seconds":
            return duration(number)
        case "support_seconds":
            return support_time(number, None)
        case "days":
            return days(number)
        case "bytes":
            return size(number)
        case "usd":
            return money(number)
        case "score":
            return score(number)
        case "per_second":
            return f"{_significant(number).replace('-', MINUS)}{NBSP}/s"
        case _:
            return count(number)


def beside(number: float | None, bound: float | None, unit: str) -> str:
    """`number` next to a bound: a ratio or score that would read as its bound and is not has more digits (99.87 %, target > 99.9 %)."""
    text = value(number, unit)
    if unit not in ("ratio", "score") or number is None or bound is None or number == bound:
        return text
    factor, suffix = (100, f"{NBSP}%") if unit == "ratio" else (1, "")
    if text.removesuffix(suffix).removesuffix(".0") != value(bound, unit).removesuffix(suffix):
        return text
    digits = next((digits for digits in range(2, 5) if round(number * factor, digits) != round(bound * factor, digits)), 5)
    return f"{number * factor:.{digits}f}{suffix}".replace("-", MINUS)


def percent(ratio: float) -> str:
    """A ratio of 0..1 with as many digits as its distance from 0 and 100 % deserves: 45.2 %, 99.95 %, 0.084 %."""
    share = ratio * 100
    edge = min(abs(share), abs(100 - share))
    if edge == 0:
        return f"{share:.0f}{NBSP}%"
    digits = 1 if edge >= 1 else 2 if edge >= 0.1 else 3
    text = f"{share:.{digits}f}"
    if float(text) in (0.0, 100.0):  # neither all nor nothing must be claimed by rounding
        return f"{'< ' if share < 50 else '> '}{0.001 if share < 50 else 99.999}{NBSP}%"
    return f"{_trim(text)}{NBSP}%".replace("-", MINUS)


def count(number: float) -> str:
    """A count with thousands separators; averages below 10 keep a digit, millions three (`1.05 M`)."""
    if abs(number) >= 1e6:
        return f"{_significant(number / 1e6)}{NBSP}M".replace("-", MINUS)
    if abs(number) < 10 and number != int(number):
        return f"{number:.1f}".replace("-", MINUS)
    return f"{number:,.0f}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """Seconds for people: 420 ms, 1.25 s, 45 s, 45 min, 6.2 h, 3.1 days."""
    sign, length = (MINUS, -seconds) if seconds < 0 else ("", seconds)
    if length == 0:
        return f"0{NBSP}s"
    if length < 1:
        return f"{sign}{_significant(length * 1000)}{NBSP}ms"
    if length < 60:
        return f"{sign}{_significant(length)}{NBSP}s"
    if length < 90 * 60:
        return f"{sign}{_significant(length / 60, 2)}{NBSP}min"
    if length < 48 * 3600:
        return f"{sign}{_significant(length / 3600, 2)}{NBSP}h"
    return f"{sign}{_significant(length / 86400, 2)}{NBSP}days"


def support_time(seconds: float, day_seconds: float | None) -> str:
    """Seconds of support hours: `40 min`, `3.2 support hours`, `2 working days`; around the clock they are days as everywhere.

    `day_seconds`: support hours of a usual day; None if they are not known, then everything is said in support hours.
    """
    if day_seconds is not None and day_seconds >= 86400:
        return duration(seconds)
    if abs(seconds) < 5400:
        return f"{duration(seconds)} of support time"
    if day_seconds is None or abs(seconds) < day_seconds * 1.5:
        return f"{_significant(seconds / 3600, 2).replace('-', MINUS)}{NBSP}support hours"
    return f"{_significant(seconds / day_seconds, 2).replace('-', MINUS)}{NBSP}working days"


def money(dollars: float) -> str:
    """US dollars: $0.42, $9.50, $12,300, $1.05 M."""
    sign, amount = (MINUS, -dollars) if dollars < 0 else ("", dollars)
    return f"{sign}${f'{amount:.2f}' if amount < 100 and amount != int(amount) else count(amount)}"


def score(number: float) -> str:
    """A mean of answers (4.3) or a net promoter score (42): a digit below 10, none beyond."""
    digits = 1 if abs(number) < 10 and number != int(number) else 0
    return f"{number:.{digits}f}".replace("-", MINUS)


def days(number: float) -> str:
    """Whole days; a year and beyond is said as such, because nobody can forecast it; less than a day is neither none nor one."""
    if number >= 365:
        return f"over a{NBSP}year"
    if 0 < number < 1:
        return f"less than a{NBSP}day"
    rounded = round(number)
    return f"{rounded}{NBSP}{'day' if rounded == 1 else 'days'}"


def size(number: float) -> str:
    """Bytes in binary units: 3.2 GiB."""
    power = min(4, int(math.log(abs(number), 1024))) if abs(number) >= 1 else 0
    unit = ("B", "KiB", "MiB", "GiB", "TiB")[power]
    return f"{_significant(number / 1024**power)}{NBSP}{unit}"


def target(number: float | None, comparator: str | None, unit: str) -> str:
    """A target with its bound: `≥ 99.9 %`, or a dash where nothing was promised."""
    if number is None or comparator is None:
        return DASH
    return f"{bounds.SIGNS[comparator]}{NBSP}{value(number, unit)}"


def change(now: float | None, before: float | None, unit: str) -> str:
    """Signed change: percentage points (pts) for ratios, points for scores, percent for everything else; empty if it cannot be said."""
    if now is None or before is None:
        return ""
    if unit == "ratio":
        points = (now - before) * 100
        digits = 1 if abs(points) >= 0.95 else 2 if abs(points) >= 0.095 else 3
        text = _trim(f"{points:+.{digits}f}")
        return "no change" if float(text) == 0 else f"{text.replace('-', MINUS)}{NBSP}pts"
    if unit == "score":
        text = _trim(f"{now - before:+.1f}")
        return "no change" if float(text) == 0 else text.replace("-", MINUS)
    if before == 0:
        return "no change" if now == 0 else ""
    share = (now - before) / abs(before) * 100
    text = f"{share:+.0f}"
    return "no change" if float(text) == 0 else f"{text.replace('-', MINUS)}{NBSP}%"


def plural(number: float, one: str, many: str | None = None) -> str:
    """`1 incident`, `7 incidents`; `many` for words that take no s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str], limit: int = 4) -> str:
    """`a`, `a and b`, `a, b and c`; the rest beyond `limit` is counted."""
    if len(words) > limit:
        words = [*words[: limit - 1], f"{len(words) - limit + 1} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def date(day: dt.date, *, year: bool = False) -> str:
    """`12 March`, with the year on request."""
    return f"{day.day}{NBSP}{day:%B}" + (f" {day.year}" if year else "")


def short_date(day: dt.date) -> str:
    """`12 Mar`, for axes and tables."""
    return f"{day.day}{NBSP}{day:%b}"


def date_range(dates: Dates) -> str:
    """`9-15 February 2026`, `26 January - 1 February 2026`, with dashes as printers set them."""
    if dates.first == dates.last:
        return date(dates.first, year=True)
    if (dates.first.year, dates.first.month) == (dates.last.year, dates.last.month):
        return f"{dates.first.day}{DASH}{date(dates.last, year=True)}"
    return f"{date(dates.first, year=dates.first.year != dates.last.year)} {DASH} {date(dates.last, year=True)}"


def name_in_sentence(name: str) -> str:
    """A KPI's name inside a sentence: lower case, but abbreviations keep theirs (`MTTA`, `P0 incidents`, `Day-7 retention`)."""
    first = name.split(" ", maxsplit=1)[0]
    return name if any(character.isdigit() or character.isupper() for character in first[1:]) else name[:1].lower() + name[1:]


def upper_first(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def _significant(number: float, digits: int = 3) -> str:
    """`digits` significant digits without an exponent or trailing zeros; whole numbers are never cut."""
    if abs(number) >= 10 ** (digits - 1):
        return f"{number:,.0f}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(number)))) if number else 0
    return _trim(f"{number:.{decimals}f}")


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
