import datetime as dt

import pytest

from postlaunch.dates import Dates
from postlaunch.reviews import formats


def plain(text: str) -> str:
    return text.replace(formats.NBSP, " ").replace(formats.MINUS, "-").replace(formats.DASH, "-")


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0.4523, "ratio", "45.2 %"),
        (0.9995, "ratio", "99.95 %"),
        (0.99944, "ratio", "99.944 %"),
        (0.00084, "ratio", "0.084 %"),
        (0.001, "ratio", "0.1 %"),
        (0.0, "ratio", "0 %"),
        (1.0, "ratio", "100 %"),
        (0.9999999, "ratio", "> 99.999 %"),
        (0.0000001, "ratio", "< 0.001 %"),
        (0.42, "seconds", "420 ms"),
        (1.254, "seconds", "1.25 s"),
        (45, "seconds", "45 s"),
        (2700, "seconds", "45 min"),
        (22_320, "seconds", "6.2 h"),
        (267_840, "seconds", "3.1 days"),
        (0, "seconds", "0 s"),
        (-11_400, "seconds", "-3.2 h"),
        (2700, "support_seconds", "45 min of support time"),
        (22_320, "support_seconds", "6.2 support hours"),
        (12_345, "count", "12,345"),
        (3_047_439, "count", "3.05 M"),
        (4.25, "count", "4.2"),
        (1, "days", "1 day"),
        (31.4, "days", "31 days"),
        (365, "days", "over a year"),
        (3_435_973_837, "bytes", "3.2 GiB"),
        (12_000, "usd", "$12,000"),
        (0.424, "usd", "$0.42"),
        (-9.5, "usd", "-$9.50"),
        (1_050_000, "usd", "$1.05 M"),
        (42.4, "score", "42"),
        (4.26, "score", "4.3"),
        (-5, "score", "-5"),
        (0.0349, "per_second", "0.0349 /s"),
        (None, "ratio", "no data"),
        (float("nan"), "seconds", "no data"),
    ],
)
def test_a_number_is_written_in_the_unit_of_its_kpi(number: float | None, unit: str, text: str) -> None:
    assert plain(formats.value(number, unit)) == text


@pytest.mark.parametrize(
    ("number", "bound", "unit", "text"),
    [
        (0.9987, 0.999, "ratio", "99.87 %"),
        (0.99899, 0.999, "ratio", "99.899 %"),
        (0.999, 0.999, "ratio", "99.9 %"),
        (0.95, 0.999, "ratio", "95 %"),
        (3.97, 4.0, "score", "3.97"),
        (59.9, 60.0, "seconds", "59.9 s"),
        (None, 0.5, "ratio", "no data"),
        (0.5, None, "ratio", "50 %"),
    ],
)
def test_a_number_that_is_not_its_bound_does_not_read_as_if_it_were(
    number: float | None, bound: float | None, unit: str, text: str
) -> None:
    assert plain(formats.beside(number, bound, unit)) == text


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (0.45, 0.433, "ratio", "+1.7 pts"),
        (0.00078, 0.0005, "ratio", "+0.028 pts"),
        (0.5, 0.5, "ratio", "no change"),
        (112, 100, "count", "+12 %"),
        (50, 100, "seconds", "-50 %"),
        (42, 39.5, "score", "+2.5"),
        (-3, 0, "score", "-3"),
        (3, 0, "count", ""),
        (0, 0, "count", "no change"),
        (None, 1, "count", ""),
        (1, None, "ratio", ""),
    ],
)
def test_a_change_is_points_for_ratios_and_percent_for_the_rest(now: float, before: float, unit: str, text: str) -> None:
    assert plain(formats.change(now, before, unit)) == text


def test_words_follow_their_number() -> None:
    assert formats.plural(1, "incident") == "1 incident"
    assert formats.plural(0, "incident") == "0 incidents"
    assert formats.plural(1200, "entry", "entries") == "1,200 entries"
    assert formats.listed([]) == ""
    assert formats.listed(["a"]) == "a"
    assert formats.listed(["a", "b", "c"]) == "a, b and c"
    assert formats.listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_target_is_written_with_its_bound() -> None:
    assert plain(formats.target(0.999, ">=", "ratio")) == "≥ 99.9 %"
    assert plain(formats.target(0.5, "<=", "seconds")) == "≤ 500 ms"
    assert plain(formats.target(None, None, "ratio")) == "-"


def test_a_range_of_dates_names_what_differs() -> None:
    week = formats.date_range(Dates(dt.date(2026, 2, 9), dt.date(2026, 2, 15)))
    assert plain(week) == "9-15 February 2026"
    assert plain(formats.date_range(Dates(dt.date(2026, 1, 26), dt.date(2026, 2, 1)))) == "26 January - 1 February 2026"
    assert plain(formats.date_range(Dates(dt.date(2025, 12, 29), dt.date(2026, 1, 4)))) == "29 December 2025 - 4 January 2026"


def test_names_keep_their_abbreviations_inside_a_sentence() -> None:
    assert formats.name_in_sentence("Error rate") == "error rate"
    assert formats.name_in_sentence("P0 incidents") == "P0 incidents"
    assert formats.name_in_sentence("Day-7 retention") == "Day-7 retention"
