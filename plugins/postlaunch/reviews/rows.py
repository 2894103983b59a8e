"""What the marts say, as small typed rows: everything in this package but `queries` only looks at these.

Dates are local dates of the launch; durations are seconds; ratios 0..1; None is no data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from postlaunch.reviews.intervals import wilson


@dataclass(frozen=True)
class KpiValue:
    """One KPI in one period beside the period before (and the same day a week ago), and its target in force."""

    kpi_id: str
    name: str
    domain: str
    unit: str
    better: str  # higher | lower
    period_rule: str
    value: float | None
    numerator: float | None
    denominator: float | None
    previous: float | None
    previous_status: str
    week_ago: float | None
    target: float | None
    comparator: str | None
    status: str  # met | missed | at_risk | undecided | no_target | no_data | insufficient_data
    is_complete: bool
    is_quota: bool = False  # the target is a quota of its phase, which a day, week or month does not keep by itself
    phase_value: float | None = None  # of a quota: the count of the phase so far
    days_seen: int = 1
    days_expected: int = 1
    subject: str = ""  # what the value comes from, where it is one of many: the resource that is full first
    subject_id: str = ""  # what it is of: a severity, a service; empty: all together
    segment_id: str = ""  # of whom it is; empty: everybody
    denominator_unit: str = "count"  # seconds are time observed, not n
    needs_sample: bool = False  # a proportion of people or tickets
    is_stability: bool = False  # a verdict rolls back for it
    is_volume: bool = False  # follows what comes in: neither good nor bad
    is_countdown: bool = False  # days until something: near is bad, a change is no news
    evidence: str = ""  # what to look at when it is missed: days, funnel, clocks of <SLA metric>
    charted: Sequence[str] = ()  # reviews that draw its days

    @property
    def label(self) -> str:
        """The name wherever it is shown: `Days to the next scaling trigger (Redis memory)`."""
        return f"{self.name} ({self.subject})" if self.subject else self.name

    @property
    def clock(self) -> str | None:
        """The SLA metric whose clocks it judges; None for any other KPI."""
        kind, _, metric = self.evidence.partition(" of ")
        return metric if kind == "clocks" else None

    @property
    def is_judged(self) -> bool:
        """Whether the target was met or missed."""
        return self.status in ("met", "missed")

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % Wilson interval of a proportion of people or tickets; None for everything else."""
        if not self.needs_sample or self.unit != "ratio" or not self.denominator or self.numerator is None:
            return None  # a mean score is no proportion
        return wilson(self.numerator, self.denominator)

    @property
    def is_near_target(self) -> bool:
        """Whether chance alone could have decided the target: the interval includes it."""
        return self.target is not None and self.interval is not None and self.interval[0] <= self.target <= self.interval[1]


@dataclass(frozen=True)
class JudgedTarget:
    """A target that holds on the last day of a verdict, and what the KPI came to in its days so far."""

    kpi_id: str
    subject_id: str  # a severity, a service; empty: all together
    segment_id: str  # empty: of everybody
    name: str
    domain: str
    unit: str
    denominator_unit: str
    needs_sample: bool  # a proportion of people or tickets
    is_stability: bool
    period_kind: str  # phase: its days as a whole; day, week, month, quarter: each of them
    phase_start: dt.date
    phase_end: dt.date  # 9999-12-31: for ever
    value: float | None  # of periods: of the worst one
    numerator: float | None
    denominator: float | None
    target: float | None  # None: what it is relative to is not known yet
    comparator: str
    promise: str  # the document and its words; empty: the launch file names none
    status: str  # met | missed | at_risk | undecided | insufficient_data | no_data | nothing
    periods: int
    periods_met: int
    days_unseen: int


@dataclass(frozen=True)
class DailyValue:
    """A KPI on a day."""

    kpi_id: str
    metric_date: dt.date
    launch_day: int
    value: float | None
    numerator: float | None
    denominator: float | None


@dataclass(frozen=True)
class ActiveUsers:
    """People who used the product on a day and in the 7 and 30 days that end with it; new ones are None if nobody ever registered."""

    metric_date: dt.date
    active_users_count: int
    active_users_7d_count: int
    active_users_30d_count: int
    new_users_count: int | None


@dataclass(frozen=True)
class FunnelStep:
    """A step of a funnel over all entries of a period; pending ones still have time left."""

    funnel_id: str
    funnel_name: str
    step_number: int
    step_name: str
    entered_count: int
    reached_count: int
    pending_count: int


@dataclass(frozen=True)
class CohortCell:
    """People of a weekly cohort who were active in the n-th week after."""

    cohort_date: dt.date
    period_number: int
    cohort_size_count: int
    retained_count: int
    is_complete: bool


@dataclass(frozen=True)
class Tickets:
    """Tickets of all priorities on a day; the backlog is that of the day's end."""

    metric_date: dt.date
    opened_count: int
    solved_count: int
    backlog_count: int


@dataclass(frozen=True)
class TicketCategory:
    """Tickets of one category that were created in a period and in the one before; None: not seen."""

    category_id: str
    name: str
    opened_count: int | None
    previous_count: int | None
    all_opened_count: int | None  # of whatever category, each once


@dataclass(frozen=True)
class Planned:
    """What was planned for a KPI in a month of the launch, and what came of it."""

    name: str
    unit: str
    month_number: int
    period_end: dt.date
    is_per_day: bool  # both values are of a day, on the mean
    planned_value: float
    value: float | None
    is_complete: bool
    days_seen: int


@dataclass(frozen=True)
class SlaCount:
    """Clocks of one SLA metric and priority that started in a period."""

    metric: str
    priority: str
    started_count: int
    attained_count: int
    breached_count: int
    running_count: int


@dataclass(frozen=True)
class SlaClock:
    """A clock that was open at the end of a day: `due_seconds_left` of support hours to its target, negative when breached.

    `support_day_seconds`: support hours of a usual day then; None if the desk was closed all week.
    """

    ticket_id: str
    metric: str
    priority: str
    started_at: dt.datetime
    is_breached: bool
    due_seconds_left: float
    support_day_seconds: float | None = None


@dataclass(frozen=True)
class Incident:
    """An incident; times to acknowledge and resolve are None while they have not happened."""

    incident_number: int | None
    title: str | None
    severity: str
    service_name: str | None
    metric_date: dt.date
    triggered_at: dt.datetime
    acknowledge_seconds: float | None
    resolve_seconds: float | None
    is_open: bool
    is_acknowledged: bool


@dataclass(frozen=True)
class Response:
    """How fast the incidents of one severity in one period were acknowledged, or resolved, and whether the promise for it was kept."""

    severity: str  # P0 to P3, or none
    act: str  # acknowledge | resolve
    triggered_count: int
    done_count: int  # those with a time; the mean is over them
    mean_seconds: float | None
    target_seconds: float | None
    late_count: int
    judged_count: int  # in time or late; an incident that waits within its time is neither yet
    status: str  # no_target | no_data | met (none was late) | missed


@dataclass(frozen=True)
class ServiceSums:
    """Sums of one service over a period."""

    service_id: str
    service_name: str
    observed_seconds: float
    up_seconds: float
    no_data_seconds: float
    request_count: float
    error_ratio: float | None  # of the requests whose series tells how they ended; None: no series does, which is not 0 %


@dataclass(frozen=True)
class LatencyBucket:
    """Requests of one service in one histogram bucket (not cumulative); the last upper bound is infinite."""

    service_id: str
    upper_bound_seconds: float
    request_count: float


@dataclass(frozen=True)
class CapacityDay:
    """A resource on a day."""

    resource_id: str
    resource_name: str
    unit: str
    metric_date: dt.date
    p95_value: float | None
    trigger_value: float


@dataclass(frozen=True)
class Forecast:
    """What is used of a resource, and its trend: without slopes where it is too new, without days where nothing surely gets there."""

    resource_id: str
    resource_name: str
    unit: str
    metric_date: dt.date
    observed_days_count: int
    level_value: float | None
    slope_per_day: float | None
    slope_low_per_day: float | None
    slope_high_per_day: float | None
    trigger_value: float
    days_to_trigger: float | None
    days_to_trigger_low: float | None
    days_to_trigger_high: float | None
    is_growing: bool
    backtest_count: int = 0  # dates of the last four weeks that a forecast was made for, seven days before
    backtest_covered_count: int = 0  # those that lay in its 95 % interval


@dataclass(frozen=True)
class SeenDate:
    """A date that a domain's published marts cover."""

    domain: str
    metric_date: dt.date


@dataclass(frozen=True)
class LoadWarning:
    """What a source said beside its answer, and in how many loads."""

    source: str
    warning: str
    loads: int


@dataclass(frozen=True)
class Unseen:
    """What a mart says it has not seen, in words, and on how many dates; `subject` is a service, or empty."""

    subject: str
    notice: str
    dates: int


@dataclass(frozen=True)
class StandingFault:
    """A launch file that is wrong."""

    launch_id: str
    reason: str
    since: dt.datetime
