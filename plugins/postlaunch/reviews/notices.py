"""What a reader must know before the numbers: domains that are held or late, wrong launch files, what the sources warned of.

Few lines: what is the same for several domains is one notice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.reviews import formats, outside, queries
from postlaunch.reviews.blocks import Notice
from postlaunch.reviews.period import Period
from postlaunch.reviews.queries import Reader
from postlaunch.reviews.rows import StandingFault
from postlaunch.warehouse.status import DomainStatus

WARNINGS_SHOWN = 3  # of a source, and how many more there are
FAULTS_SHOWN = 4  # launches with a wrong file that are named


def domain_notices(launch: Launch, period: Period, statuses: Sequence[DomainStatus]) -> list[Notice]:
    """One notice for all domains that are held for one reason, or late since one moment: since when, why, how far the numbers reach."""
    waiting = [status for status in statuses if status.domain in launch.domains and status.state != "fresh"]
    found = []
    for _, group in groupby(sorted(waiting, key=_key), key=_key):
        same = list(group)
        found.append(_held(launch, same) if same[0].state == "held" else _late(launch, period, same))
    return found


def _key(status: DomainStatus) -> tuple[str, str, str, str]:
    reason = status.reason if status.state == "held" else ""
    return status.state, str(status.since), str(status.covered_through), reason or ""


def _names(same: Sequence[DomainStatus]) -> str:
    return formats.upper_first(formats.listed([str(status.domain) for status in same], len(same)))


def _title(launch: Launch, same: Sequence[DomainStatus]) -> str:
    since = f" since {moment(same[0].since, launch)}" if same[0].since else ""
    return f"{_names(same)} {'is' if len(same) == 1 else 'are'} {same[0].state}{since}"


def _held(launch: Launch, same: Sequence[DomainStatus]) -> Notice:
    first = same[0]
    why = formats.upper_first(outside.clean(first.reason or "no reason was recorded", outside.REASON_LIMIT).rstrip("."))
    its = "its" if len(same) == 1 else "their"
    shown = "Nothing has been published yet."
    if first.covered_through:
        shown = f"Shown are the last numbers that passed the gate; {its} data ends on {formats.date(first.covered_through, year=True)}."
    return Notice("held", _title(launch, same), f"{why}. {shown}")


def _late(launch: Launch, period: Period, same: Sequence[DomainStatus]) -> Notice:
    covered, its = same[0].covered_through, "its" if len(same) == 1 else "their"
    if covered is None:
        return Notice("held", _title(launch, same), "Nothing has been published yet.")
    missing = max(covered + dt.timedelta(days=1), period.start)
    late = formats.date_range(Dates(missing, period.end))
    text = f"The data for {late} has not arrived; {its} numbers end on {formats.date(covered, year=True)}."
    return Notice("held", _title(launch, same), text)


def launch_notices(launch: Launch, faults: Sequence[StandingFault]) -> list[Notice]:
    """This launch's own wrong file in full, and the others by name."""
    own = [fault for fault in faults if fault.launch_id == launch.launch]
    found = [Notice("held", f"The launch file has been wrong since {moment(fault.since, launch)}", _stopped(fault)) for fault in own]
    others = [fault.launch_id for fault in faults if fault.launch_id != launch.launch]
    if others:
        files, stand = ("file is", "stands") if len(others) == 1 else ("files are", "stand")
        text = f"{formats.listed(others, FAULTS_SHOWN)} {stand} still until corrected: `postlaunch status` says why."
        found.append(Notice("warn", f"{len(others)} other launch {files} wrong", text))
    return found


def _stopped(fault: StandingFault) -> str:
    return f"Nothing new is ingested until it is corrected. {formats.upper_first(fault.reason.rstrip('.'))}."


def warning_notices(session: Reader, launch: Launch, period: Period) -> list[Notice]:
    """What the sources warned of in the loads of this period, in one notice: streams that could not be read, what was left out."""
    warnings = queries.load_warnings(session, launch, period.dates)
    if not warnings:
        return []
    lines = [f"{warning.source}: {warning.warning.rstrip('.')}{_times(warning.loads)}" for warning in warnings]
    more = len(lines) - WARNINGS_SHOWN
    text = ". ".join(formats.upper_first(line) for line in lines[:WARNINGS_SHOWN]) + "."
    text += f" And {more} more, in ops.load_warnings." if more > 0 else ""
    return [Notice("warn", "The sources warned while loading", text)]


def unseen_notices(session: Reader, launch: Launch, period: Period) -> list[Notice]:
    """What the launch file names and nobody saw (selectors, services, a brand, events, ...), in one notice: no number speaks for it."""
    found = queries.unseen(session, launch.launch, period.dates)
    if not found:
        return []
    lines = [f"{f'{each.subject}: ' if each.subject else ''}{each.notice} ({formats.plural(each.dates, 'date')})" for each in found]
    more = len(lines) - WARNINGS_SHOWN
    text = ". ".join(formats.upper_first(line) for line in lines[:WARNINGS_SHOWN]) + "."
    text += f" And {more} more, in the columns `notice` of the daily marts." if more > 0 else ""
    return [Notice("warn", "Some of what the launch file names was not seen", text)]


def _times(loads: int) -> str:
    return f" ({loads} loads)" if loads > 1 else ""


def moment(since: dt.datetime | dt.date, launch: Launch) -> str:
    """`14 April 2026, 00:00 (America/New_York)`."""
    if isinstance(since, dt.datetime):
        local = since.astimezone(launch.zone)
        return f"{formats.date(local.date(), year=True)}, {local:%H:%M} ({launch.timezone})"
    return formats.date(since, year=True)
