"""What a chart or a table says, as words: small functions from rows to a Caption (title, sentence). No I/O, no markup.

A finding states what was seen, with n; what cannot be said is said to be `no data` or too few, never guessed.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from postlaunch.reviews import bounds, formats, outside
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import (
    ActiveUsers,
    CohortCell,
    DailyValue,
    Forecast,
    FunnelStep,
    Incident,
    KpiValue,
    ServiceSums,
    SlaCount,
    TicketCategory,
    Tickets,
)

LEVEL = 0.02  # changes below 2 % are called level
SLA_NAMES = {  # one, many
    "first_reply": ("first reply", "first replies"),
    "next_reply": ("next reply", "next replies"),
    "requester_wait": ("requester's wait", "requesters' waits"),
    "agent_work": ("agent work", "agents' work"),
    "pausable_update": ("pausable update", "pausable updates"),
    "periodic_update": ("periodic update", "periodic updates"),
    "resolution": ("resolution", "resolutions"),
}


class Caption(NamedTuple):
    """A title that states the finding, and the sentence below the chart."""

    title: str
    sentence: str


def headline(metrics: Sequence[KpiValue]) -> str:
    """How many targets were met, which were missed (the furthest off first), and how many are open. `metrics`: of seen domains."""
    met = [metric for metric in metrics if metric.status == "met"]
    missed = ranked_misses(metrics)
    blind = [metric for metric in metrics if metric.target is not None and metric.status in ("no_data", "insufficient_data")]
    running = [metric for metric in metrics if metric.status == "undecided" and not metric.is_quota]
    judged = len(met) + len(missed)
    later = f" {_not_yet(len(running))}" if running and judged else ""
    if not judged:
        if running:
            return "No target is decided yet." + (f" {_unjudged(len(blind))}" if blind else "")
        quotas = any(metric.is_quota for metric in metrics)
        nothing = "No target is decided yet." if quotas else "No targets are set for this phase of the launch."
        return "No target could be judged: no data, or too few." if blind else nothing
    if not missed:
        text = "The only target is met." if judged == 1 else f"All {judged} targets are met."
        if blind or running:
            text = f"{formats.plural(judged, 'target')} {'is' if judged == 1 else 'are'} met."
    else:
        names = formats.listed([formats.name_in_sentence(metric.label) for metric in missed])
        text = f"{len(met)} of {formats.plural(judged, 'target')} {'is' if len(met) == 1 else 'are'} met; missed: {names}."
    return f"{text}{f' {_unjudged(len(blind))}' if blind else ''}{later}"


def _unjudged(count: int) -> str:
    return f"{formats.plural(count, 'other')} could not be judged."


def _not_yet(count: int) -> str:
    return f"{formats.plural(count, 'other')} {'is' if count == 1 else 'are'} not decided yet."


def ranked_misses(metrics: Sequence[KpiValue]) -> list[KpiValue]:
    """Missed targets, the furthest off first."""
    return sorted((metric for metric in metrics if metric.status == "missed"), key=_distance, reverse=True)


def _distance(metric: KpiValue) -> float:
    """How far off a target is, in multiples of what it allows: 0.2 % errors against 0.1 % is 1, 99.8 % uptime against 99.9 % too."""
    value = metric.phase_value if metric.is_quota and metric.phase_value is not None else metric.value or 0.0
    target = metric.target or 0.0
    if bounds.asks_for_more(metric.comparator) and metric.unit == "ratio":
        value, target = 1 - value, 1 - target
    return abs(value - target) / max(abs(target), 1e-9)


def gap(metric: KpiValue) -> str:
    """A metric against its target: `0.14 %, target ≤ 0.1 %`, and where it lies within chance of it, that too."""
    promised = formats.target(metric.target, metric.comparator, metric.unit)
    if metric.is_quota:
        return f"{formats.value(metric.value, metric.unit)}, {quota(metric)}"
    near = "; the 95 % interval includes the target" if metric.is_near_target else ""
    return f"{formats.beside(metric.value, metric.target, metric.unit)}, target {promised}{near}"


def quota(metric: KpiValue) -> str:
    """A count against the quota of its phase: `3 of at most 2 in this phase`."""
    bound = bounds.WORDS[metric.comparator or "<="]
    return f"{formats.value(metric.phase_value or 0, metric.unit)} of {bound} {formats.value(metric.target, metric.unit)} in this phase"


def active_users(rows: Sequence[ActiveUsers], period: Period) -> Caption:
    """Average daily active users against the same days of the period before, extremes, the 30-day reach."""
    now = [row for row in rows if period.start <= row.metric_date <= period.end]
    if not now:
        return Caption(f"No data on active users {period.span}", "Nothing was published for these days.")
    last = now[-1]
    known = [row.new_users_count for row in now if row.new_users_count is not None]
    new = sum(known)
    who = f"{formats.plural(new, 'user') if new else 'nobody'} {'was' if new in (0, 1) else 'were'} new"
    if not known:
        who = "how many were new is not known"
    reach = f"{formats.plural(last.active_users_30d_count, 'person', 'people')} used it in the 30 days to {formats.date(last.metric_date)}"
    if period.days_count == 1:
        ago = [row for row in rows if row.metric_date == period.start - dt.timedelta(days=7)]
        title = _week_ago_title(last.active_users_count, ago[0].active_users_count if ago else None)
        return Caption(title, f"{reach}; {who} that day.")
    compared = period.counterparts()
    before = [row for row in rows if row.metric_date in compared]
    is_alike = bool(before) and len(before) == len(compared)
    title = _growth_title(_mean_users(now), _mean_users(before) if is_alike else None, period)
    closing = f"{formats.upper_first(who)} {period.span}."
    if len(now) == 1:
        return Caption(title, f"{reach}. {closing}")
    low, high = min(now, key=lambda row: row.active_users_count), max(now, key=lambda row: row.active_users_count)
    range_text = (
        f"A day had between {formats.count(low.active_users_count)} ({formats.date(low.metric_date)}) "
        f"and {formats.plural(high.active_users_count, 'active user')} ({formats.date(high.metric_date)})"
    )
    return Caption(title, f"{range_text}; {reach}. {closing}")


def funnel(steps: Sequence[FunnelStep], period: Period) -> Caption:
    """Conversion of decided entries, and the step where most are lost. `steps`: one funnel, in order."""
    if not steps or steps[0].entered_count == 0:
        name = steps[0].funnel_name if steps else "the funnel"
        return Caption(f"Nobody entered {name} {period.span}", "Without entries there is nothing to convert.")
    name, last, entered = steps[0].funnel_name, steps[-1], steps[0].entered_count
    decided = entered - last.pending_count
    if decided == 0:
        return Caption(
            f"{name}: every entry still has time left",
            f"The conversion window is open for everyone who entered (n{formats.NBSP}{formats.count(entered)}); nothing can be said yet.",
        )
    ratio = formats.percent(last.reached_count / decided)
    drop, before, after = _biggest_loss(steps)
    title = f"{name}: {ratio} get there" + (f"; most are lost before {after.step_name}" if drop else "")
    reached = f"{formats.count(last.reached_count)} of {formats.plural(decided, 'entry', 'entries')} {period.span} reached {last.step_name}"
    waiting = f"; {formats.count(last.pending_count)} more still {'has' if last.pending_count == 1 else 'have'} time left"
    sentence = f"{reached}{waiting if last.pending_count else ''}."
    if steps[0].funnel_id == "activation":
        sentence += " Dated by entry; the KPI dates an entry by the end of its window."
    if drop:
        sentence += f" The biggest loss is between {before.step_name} and {after.step_name}: {formats.count(drop)}."
    return Caption(title, sentence)


def cohorts(cells: Sequence[CohortCell], minimum_sample: int) -> Caption:
    """Week-1 and a later week's retention over complete cells only, weighted by cohort size.

    Best and weakest are cohorts of at least `minimum_sample` people: of nine newcomers, everything is chance.
    """
    complete = [cell for cell in cells if cell.is_complete and cell.period_number > 0 and cell.cohort_size_count > 0]
    if not complete:
        return Caption("Retention: no week is over yet", "No cohort has lived through a full week after its first; nothing is averaged.")
    numbers = sorted({cell.period_number for cell in complete})
    shown = [numbers[0], max(number for number in numbers if number <= max(4, numbers[0]))]
    parts = [f"{formats.percent(_retained(complete, number))} {_after_weeks(number)}" for number in dict.fromkeys(shown)]
    first = [cell for cell in complete if cell.period_number == numbers[0]]
    size = sum(cell.cohort_size_count for cell in first)
    sentence = f"n{formats.NBSP}{formats.count(size)} newcomers in {formats.plural(len(first), 'weekly cohort')}."
    judged = [cell for cell in first if cell.cohort_size_count >= minimum_sample]
    best, worst = max(judged, key=_share, default=None), min(judged, key=_share, default=None)
    if best is not None and worst is not None and _share(best) > _share(worst):
        sentence += f" Best {_after_weeks(numbers[0])}: the cohort of {_cohort(best)}; weakest: {_cohort(worst)}."
    named = "Weekly retention counts a visit on any day of that week, day-7 retention one on the seventh day alone."
    return Caption(f"Weekly retention: {', '.join(parts)}", f"{sentence} {named} Weeks that are not over stay empty.")


def tickets(rows: Sequence[Tickets], period: Period, incident_days: Sequence[dt.date] = ()) -> Caption:
    """Backlog at the period's end against its begin, opened and solved, the busiest day."""
    now = [row for row in rows if period.start <= row.metric_date <= period.end]
    if not now:
        return Caption(f"No data on tickets {period.span}", "Nothing was published for these days.")
    opened, solved = sum(row.opened_count for row in now), sum(row.solved_count for row in now)
    before = [row for row in rows if row.metric_date == now[0].metric_date - dt.timedelta(days=1)]
    start, end = (before[-1] if before else now[0]).backlog_count, now[-1].backlog_count
    verb = "grew" if end > start else "shrank"
    title = formats.plural(end, "open ticket")
    if before or len(now) > 1:
        title = f"The backlog stayed at {title}"
    if start != end:
        title = f"The backlog {verb} from {formats.count(start)} to {formats.plural(end, 'open ticket')}"
    were = "was" if opened == 1 else "were"
    sentence = f"{formats.plural(opened, 'ticket')} {were} opened and {formats.count(solved)} solved {period.span}"
    busiest = max(now, key=lambda row: row.opened_count)
    if len(now) > 1 and busiest.opened_count:
        why = ", the day of an incident" if busiest.metric_date in incident_days else ""
        sentence += f"; the busiest day was {formats.date(busiest.metric_date)}{why}, with {formats.count(busiest.opened_count)}"
    return Caption(title, f"{sentence}.")


def categories(rows: Sequence[TicketCategory], period: Period) -> str:
    """`Most common: Account verification, 25 % of the 48 tickets that were created in March 2026.`"""
    every = rows[0].all_opened_count if rows else None
    if every is None:
        return f"There is {formats.NO_DATA} on what tickets were about {period.span}."
    named = [row for row in rows if row.category_id != "none" and row.opened_count]
    if not every:
        return f"No ticket was created {period.span}."
    if not named:
        return f"Of {formats.plural(every, 'ticket')} created {period.span}, none has a category."
    most = [row for row in named if row.opened_count == named[0].opened_count]
    share = formats.value((named[0].opened_count or 0) / every, "ratio")
    each = ", each" if len(most) > 1 else ","
    names = formats.listed([outside.clean(row.name) for row in most])
    tickets = f"the {formats.count(every)} tickets" if every > 1 else "the one ticket"
    return f"Most common: {names}{each} {share} of {tickets} created {period.span}."


def sla(rows: Sequence[SlaCount], period: Period, minimum_sample: int) -> Caption:
    """Attainment of each SLA metric over ended or breached clocks, and the weakest priority with at least `minimum_sample` of them."""
    judged = [row for row in rows if row.attained_count + row.breached_count > 0]
    running = sum(row.running_count for row in rows)
    verbs = ("runs", "is") if running == 1 else ("run", "are")
    still = f" {formats.plural(running, 'clock')} still {verbs[0]} within time and {verbs[1]} not counted." if running else ""
    if not judged:
        return Caption(f"No SLA clock ended {period.span}", f"There is nothing to judge.{still}")
    parts = []
    for metric, (_, many) in SLA_NAMES.items():
        chosen = [row for row in judged if row.metric == metric]
        if chosen:
            attained, total = sum(row.attained_count for row in chosen), sum(row.attained_count + row.breached_count for row in chosen)
            parts.append(f"{formats.percent(attained / total)} of {many}")
    title = f"{formats.listed(parts, 7)} came in time"
    large = [row for row in judged if row.attained_count + row.breached_count >= minimum_sample]
    weakest = min(large, key=attainment, default=None)
    if weakest is None or len(large) == 1 or attainment(weakest) == 1:
        return Caption(title, f"{_all_judged(judged)}{still}")
    share = f"{formats.percent(attainment(weakest))} (n{formats.NBSP}{formats.count(weakest.attained_count + weakest.breached_count)})"
    return Caption(title, f"Weakest: {sla_name(weakest.metric)}, {weakest.priority} tickets, {share}.{still}")


def _all_judged(rows: Sequence[SlaCount]) -> str:
    total = sum(row.attained_count + row.breached_count for row in rows)
    return f"n{formats.NBSP}{formats.plural(total, 'clock')}."


def sla_name(metric: str) -> str:
    """An SLA metric inside a sentence: `first reply`."""
    return SLA_NAMES[metric][0] if metric in SLA_NAMES else metric.replace("_", " ")


def attainment(row: SlaCount) -> float:
    """Share of judged clocks that kept their time; the row must have one."""
    return row.attained_count / (row.attained_count + row.breached_count)


def incidents(rows: Sequence[Incident], period: Period) -> Caption:
    """How many, how grave, mean times with their n; open and never acknowledged ones are counted beside, not in."""
    if not rows:
        return Caption(f"No incidents {period.span}", "PagerDuty was asked, and named none for this launch.")
    grave = [row for row in rows if row.severity in ("P0", "P1")]
    severities = formats.listed([f"{sum(row.severity == name for row in rows)} {name}" for name in sorted({row.severity for row in rows})])
    resolved = [row.resolve_seconds for row in rows if row.resolve_seconds is not None]
    acknowledged = [row.acknowledge_seconds for row in rows if row.acknowledge_seconds is not None]
    title = f"{formats.plural(len(rows), 'incident')}, {len(grave) or 'none'} of them P0 or P1"
    if resolved:
        title += f"; resolved in {formats.duration(sum(resolved) / len(resolved))} on average"
    sentence = f"By severity: {severities}."
    if acknowledged:
        mean = formats.duration(sum(acknowledged) / len(acknowledged))
        sentence += f" Acknowledged after {mean} on average (n{formats.NBSP}{len(acknowledged)}), resolved: n{formats.NBSP}{len(resolved)}."
    never = sum(not row.is_acknowledged and not row.is_open for row in rows)
    still_open = sum(row.is_open for row in rows)
    aside = [f"{never} never acknowledged"] * bool(never) + [f"{still_open} still open"] * bool(still_open)
    return Caption(title, sentence + (f" Not in these averages: {formats.listed(aside)}." if aside else ""))


def threshold(metric: KpiValue, rows: Sequence[DailyValue], period: Period, incident_days: Sequence[dt.date] = ()) -> Caption:
    """On how many days a daily KPI broke its target, which was the worst, and what the whole period comes to.

    A review of one day has one value; its chart shows the days before too, so the finding is about all of `rows`.
    """
    one_day = period.days_count == 1
    chosen = [row for row in rows if one_day or period.start <= row.metric_date <= period.end]
    now = [(row.metric_date, row.value) for row in chosen if row.value is not None]
    name = metric.label
    if not now or metric.value is None:
        return Caption(f"{name}: no data {period.span}", "Nothing was measured; that is neither good nor bad.")
    lower_is_better = metric.better == "lower"
    worst_day, worst = max(now, key=lambda row: row[1]) if lower_is_better else min(now, key=lambda row: row[1])
    why = ", the day of an incident" if worst_day in incident_days else ""
    missing = (chosen[-1].metric_date - chosen[0].metric_date).days + 1 - len(now)
    gaps = f" {formats.plural(missing, 'day')} without data {'is' if missing == 1 else 'are'} not counted." if missing > 0 else ""
    subject = formats.date(period.start) if one_day else f"The {period.noun} {'so far' if period.is_part else 'as a whole'}"
    whole = f" {subject} stands at {formats.value(metric.value, metric.unit)}{sample(metric)}."
    if len(now) == 1 or (one_day and worst_day == period.start):
        whole = ""
    sentence = f"Worst was {formats.date(worst_day)}{why}, with {formats.value(worst, metric.unit)}.{whole}{gaps}"
    if len(now) == 1:
        sentence = f"One day was measured, {formats.date(worst_day)}{why}: {formats.value(worst, metric.unit)}{sample(metric)}.{gaps}"
    if metric.target is None or metric.comparator is None:
        return Caption(f"{name}: {formats.value(metric.value, metric.unit)}, no target set", sentence)
    broken = sum(is_missed(value, metric.target, metric.comparator) for _, value in now)
    promised = formats.value(metric.target, metric.unit)
    if not broken:
        return Caption(f"{name} kept its {promised} target on {_all(len(now), missing > 0 or period.is_part)}", sentence)
    return Caption(f"{name} broke its {promised} target on {broken} of {formats.plural(len(now), 'day')}", sentence)


def is_missed(value: float, target: float, comparator: str) -> bool:
    """Whether a value is on the wrong side of its target; on the line only a strict one is."""
    return not bounds.is_kept(value, comparator, target)


def sample(metric: KpiValue) -> str:
    """What a ratio or a mean was taken over, as ` (n 1,204)`; empty where there is no denominator."""
    if not metric.denominator or metric.unit in ("count", "days"):
        return ""
    if metric.denominator_unit == "seconds":
        return f" ({formats.duration(metric.denominator)} observed)"
    return f" (n{formats.NBSP}{formats.count(metric.denominator)})"


def error_budget(service: ServiceSums, target: float | None) -> str:
    """Downtime against what the uptime target allows over the observed time."""
    if service.observed_seconds <= 0:
        return f"{service.service_name}: no data on uptime."
    down = service.observed_seconds - service.up_seconds
    text = f"{service.service_name} was up {formats.percent(service.up_seconds / service.observed_seconds)} of the time"
    if target is not None and target < 1:
        budget = (1 - target) * service.observed_seconds
        used = f"{formats.count(down / budget * 100)}{formats.NBSP}%"
        text += f": {formats.duration(down)} down, {used} of the {formats.duration(budget)} that its target allows"
    else:
        text += f", {formats.duration(down)} down"
    blind = f" For {formats.duration(service.no_data_seconds)} nothing was measured." if service.no_data_seconds >= 60 else ""
    return f"{text}.{blind}"


def capacity(rows: Sequence[Forecast]) -> Caption:
    """The resource that reaches its trigger first, as a range of days. `rows`: the soonest first."""
    if not rows:
        return Caption("No data on capacity", "No resource was measured long enough for a trend.")
    full = [row for row in rows if row.level_value is not None and row.level_value >= row.trigger_value]
    growing = [row for row in rows if row.is_growing and row.days_to_trigger is not None and row not in full]
    unknown = [row for row in rows if row.slope_per_day is None and row not in full]
    rest = _rest(unknown, len(rows) - len(full) - len(growing) - len(unknown))
    if full:
        names = formats.listed([row.resource_name for row in full])
        return Caption(f"{names}: trigger reached", f"{' '.join(_level(row) for row in full[:3])}{rest}")
    if growing:
        return Caption(f"{growing[0].resource_name}: trigger in {days_range(growing[0])}", f"{_level(growing[0])}{rest}")
    if unknown:
        names = formats.listed([row.resource_name for row in unknown])
        return Caption(f"{names}: no trend yet", f"{' '.join(_level(row) for row in unknown[:3])}{rest}")
    count = formats.plural(len(rows), "resource")
    return Caption("No resource is on its way to its trigger", f"{formats.upper_first(count)} measured, none grows for certain.")


def _rest(unknown: Sequence[Forecast], flat: int) -> str:
    """What is to say of the resources that do not lead the finding."""
    text = ""
    if unknown:
        names = formats.listed([row.resource_name for row in unknown])
        text += f" {names} changed too recently, or {'was' if len(unknown) == 1 else 'were'} measured too briefly, for a trend."
    if flat:
        text += f" {formats.plural(flat, 'other resource')} {'does' if flat == 1 else 'do'} not grow for certain."
    return text


def days_range(row: Forecast) -> str:
    """Days to trigger as a range: `12 to 31 days`, `12 days or more`, `not in sight` without certain growth, `no trend yet`."""
    low, high = row.days_to_trigger_low, row.days_to_trigger_high
    if row.days_to_trigger == 0:
        return "reached"
    if row.slope_per_day is None:
        return "no trend yet"
    if not row.is_growing or (row.days_to_trigger is None and low is None):
        return "not in sight"
    if low is not None and low >= 365:
        return formats.days(low)
    if low is None:
        return f"about {formats.days(row.days_to_trigger or 0)}"
    if high is None or high > 365:
        return f"{formats.plural(round(low), 'day')} or more"
    if round(low) == round(high) or high < 1:
        return formats.days(high)
    return f"{round(low)} to {formats.days(high)}"


def backtest(row: Forecast) -> str:
    """What the forecast promises and how often it was right: `the 95 % interval for a week ahead held on 26 of 28 dates`."""
    interval = f"the 95{formats.NBSP}% interval for a week ahead"
    if not row.backtest_count:
        return f"{interval} could not be tested yet"
    return f"{interval} held on {row.backtest_covered_count} of {formats.plural(row.backtest_count, 'date')}"


def _level(row: Forecast) -> str:
    text = f"{row.resource_name}: level {formats.value(row.level_value, row.unit)}, trigger {formats.value(row.trigger_value, row.unit)}"
    if row.slope_per_day is not None and row.is_growing:
        step = formats.change(row.slope_per_day, 0.0, "ratio") if row.unit == "ratio" else formats.value(row.slope_per_day, row.unit)
        step = step.removeprefix("+").replace("pts", "points")
        text += f", growing by {step} per day (n{formats.NBSP}{formats.plural(row.observed_days_count, 'day')}; {backtest(row)})"
    return f"{text}."


def _growth_title(mean: float, before: float | None, period: Period) -> str:
    users = f"{formats.count(mean)} a day"
    if before is None or before == 0:
        return f"{formats.count(mean)} daily active {'user' if mean == 1 else 'users'}"
    change = mean / before - 1
    if abs(change) < LEVEL:
        return f"Daily active users held the level of {period.compared_name}, {users}"
    verb = "grew" if change > 0 else "fell"
    return f"Daily active users {verb} {abs(change) * 100:.0f}{formats.NBSP}% on {period.compared_name}, to {users}"


def _week_ago_title(users: int, before: int | None) -> str:
    text = formats.plural(users, "active user")
    if not before:
        return text
    change = users / before - 1
    if abs(change) < LEVEL:
        return f"{text}, as many as a week before"
    return f"{text}, {abs(change) * 100:.0f}{formats.NBSP}% {'more' if change > 0 else 'fewer'} than a week before"


def _mean_users(rows: Sequence[ActiveUsers]) -> float:
    return sum(row.active_users_count for row in rows) / len(rows)


def _biggest_loss(steps: Sequence[FunnelStep]) -> tuple[int, FunnelStep, FunnelStep]:
    losses = [
        (before.reached_count - after.reached_count - max(0, after.pending_count - before.pending_count), before, after)
        for before, after in itertools.pairwise(steps)
    ]
    return max(losses, key=lambda loss: loss[0]) if losses else (0, steps[0], steps[0])


def _cohort(cell: CohortCell) -> str:
    return f"{formats.date(cell.cohort_date)} with {formats.percent(_share(cell))} (n{formats.NBSP}{formats.count(cell.cohort_size_count)})"


def _share(cell: CohortCell) -> float:
    return cell.retained_count / cell.cohort_size_count


def _retained(cells: Sequence[CohortCell], number: int) -> float:
    chosen = [cell for cell in cells if cell.period_number == number]
    return sum(cell.retained_count for cell in chosen) / sum(cell.cohort_size_count for cell in chosen)


def _after_weeks(number: int) -> str:
    words = ("", "first", "second", "third", "fourth")
    return f"in the {words[number] if number < len(words) else f'{number}th'} week after"


def _all(days: int, is_part: bool) -> str:
    if days == 1:
        return "the one day measured" if is_part else "the day"
    return f"all {days} days measured" if is_part else f"all {days} days"
