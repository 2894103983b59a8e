"""Who was on duty in promised hours, and whom incidents woke, against a walk through the minutes."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import psycopg

from tests.dbt.operations.on_call_cases import DUTIES, FIRST, LAST, PAGES, PLACE, POLICIES, UNSEEN, is_covered, promised_minutes

DATES = [FIRST + dt.timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


def test_promised_hours_are_covered_as_the_minutes_say(built: psycopg.Connection) -> None:
    rows = built.execute(
        """
        select metric_date, escalation_policy_id, promised_seconds, covered_seconds
        from build.on_call_coverage_daily where launch_id = 'rota'
        """
    ).fetchall()
    expected = {}
    for date in DATES:
        minutes = promised_minutes(date)
        for policy in POLICIES if minutes else ():
            covered = sum(is_covered(policy, minute) for minute in minutes)
            expected[date, policy] = (None, None) if date == UNSEEN else (60 * len(minutes), 60 * covered)
    assert {row[:2]: row[2:] for row in rows} == expected
    seen = [each for each in expected.values() if each[0] is not None]
    value = built.execute(
        "select sum(numerator) / sum(denominator) from build.kpi_daily where launch_id = 'rota' and kpi_id = 'on_call_coverage'"
    ).fetchone()
    assert value is not None
    assert value == (sum(covered for _, covered in seen) / sum(promised for promised, _ in seen),)
    assert 0 < value[0] < 1


def test_a_person_is_woken_by_an_incident_once(built: psycopg.Connection) -> None:
    first: dict[tuple[str, str], dt.datetime] = {}
    for page in PAGES:
        first[page.incident, page.person] = min(page.at, first.get((page.incident, page.person), page.at))
    loads: dict[tuple[dt.date, str], list[dt.datetime]] = defaultdict(list)
    for (_, person), at in first.items():
        local = at.astimezone(PLACE.zone)
        loads[local.date() - dt.timedelta(days=local.weekday()), person].append(local)
    weeks = {date - dt.timedelta(days=date.weekday()) for date in DATES}
    end = PLACE.midnight(LAST + dt.timedelta(days=1))
    for week in weeks:
        starts, stops = PLACE.midnight(week), min(PLACE.midnight(week + dt.timedelta(days=7)), end)
        for duty in DUTIES:
            if (duty.start is None or duty.start < stops) and (duty.end is None or duty.end > starts):
                loads[week, duty.person] += []
    expected = []
    for (week, person), found in loads.items():
        asleep = [at for at in found if at.hour < 8 or at.hour >= 22]
        everybody = [len(pages) for (each, _), pages in loads.items() if each == week]
        share = len(found) / sum(everybody) if sum(everybody) else None
        expected.append((week, len(found), len(asleep), len({at.date() for at in asleep}), share, 1 / len(everybody)))
        assert person
    rows = built.execute(
        """
        select week_start, interruptions_count, sleep_interruptions_count, broken_nights_count, interruptions_share_ratio, even_share_ratio
        from build.responder_load_weekly where launch_id = 'rota'
        """
    ).fetchall()
    assert sorted(rows) == sorted(expected)
    assert built.execute("select count(*) from build.responder_load_weekly where responder_key like 'U%'").fetchone() == (0,)
