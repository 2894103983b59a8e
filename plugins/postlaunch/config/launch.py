"""What a launch file may say: one frozen pydantic model a section.

    launches/<launch>.yaml  ->  load_launches()  ->  Launch  ->  config.* tables (warehouse/config_sync.py)

Durations carry their unit in the name, ratios are 0..1, days count from the launch date (day 0) in the launch's time zone.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, ClassVar, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from postlaunch.config.alerts import Alert, Dependency
from postlaunch.config.fields import (
    AccountId,
    Date,
    Day,
    Email,
    EventName,
    Hours,
    Label,
    Minutes,
    Name,
    Pattern,
    Positive,
    Query,
    Section,
    Slug,
    StatusCodes,
    TimeOfDay,
    Zone,
)
from postlaunch.config.later import NotYet, Pulse
from postlaunch.config.lists import disjoint_phases, ordered_days, unique_by
from postlaunch.config.measures import Conditions, Measure
from postlaunch.config.phases import with_phase_days
from postlaunch.config.plan import PlanMonth
from postlaunch.config.population import Population
from postlaunch.config.verdict import VerdictRules
from postlaunch.config.weekly_hours import weekly_hours
from postlaunch.dates import Dates, Interval
from postlaunch.kpis.catalogue import DOMAINS, Domain, Unit

Source = Literal["mixpanel", "zendesk", "pagerduty", "prometheus"]
Severity = Literal["P0", "P1", "P2", "P3"]
Priority = Literal["urgent", "high", "normal", "low"]
SlaMetric = Literal["first_reply", "next_reply", "requester_wait", "agent_work", "pausable_update", "periodic_update", "resolution"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ReviewKind = Literal["daily", "weekly", "monthly", "verdict"]
Comparator = Literal[">=", "<=", ">", "<"]
Per = Literal["day", "week", "month", "quarter", "phase"]
WAVE = "wave"  # the key of `of` that names a segment

SLA_METRICS: tuple[SlaMetric, ...] = get_args(SlaMetric)
COMPARATORS: dict[str, Comparator] = {"at_least": ">=", "at_most": "<=", "above": ">", "below": "<"}
SOURCES: tuple[Source, ...] = get_args(Source)


class SourceSection(Section):
    """What a launch file says to one source."""

    fills: ClassVar[tuple[Domain, ...]]  # the mart domains that are made of its records; no other place says it

    connection: str
    lookback_days: int


class Owner(Section):
    """Who answers for the launch."""

    name: Name
    email: Email


class Funnel(Section):
    """An ordered funnel: every later step after the one before, within `window_hours` of the first step."""

    id: Slug
    name: Name
    steps: Annotated[tuple[EventName, ...], Field(min_length=2)]
    window_hours: Hours = 168


class Mixpanel(SourceSection):
    """`timezone` is how the project reads dates and writes `time`: UTC for projects made since 2023, else the project's zone."""

    fills = ("product",)

    connection: str = "postlaunch_mixpanel"
    project_id: AccountId
    timezone: Zone = "UTC"
    lookback_days: Annotated[int, Field(ge=0, le=60)] = 3
    active_events: tuple[EventName, ...] = ()  # empty: every event counts as activity, but Mixpanel's own, whose names begin with `$`
    registration_event: EventName | None = None  # with it a user begins: new users, cohorts; None: with the first activity that is loaded
    profile_properties: tuple[EventName, ...] = ()  # of the user profiles, for example plan, company_size; empty: profiles are not pulled
    funnels: Annotated[tuple[Funnel, ...], AfterValidator(unique_by("id"))] = ()


class SlaTarget(Section):
    """What support promises for tickets of one priority, in business minutes: any of Zendesk's metrics, at least one.

    A reply is a public comment of an agent. Waits, work and resolution add up over reopenings; replies and updates start anew each time.
    """

    priority: Priority
    first_reply_minutes: Minutes | None = None  # from the request to the first reply, or to the first solution without one
    next_reply_minutes: Minutes | None = None  # from a customer's oldest unanswered comment to the reply
    requester_wait_minutes: Minutes | None = None  # all time in new, open and on-hold
    agent_work_minutes: Minutes | None = None  # all time in new and open
    pausable_update_minutes: Minutes | None = None  # from a reply to the next one, without time in pending
    periodic_update_minutes: Minutes | None = None  # from a reply to the next one
    resolution_minutes: Minutes | None = None  # all time in new, open, pending and on-hold
    resolution_by: Literal["next_release"] | None = None  # solved by the release that ends the cycle after the one it came in

    @model_validator(mode="after")
    def _promises_something(self) -> SlaTarget:
        if not self.promises and self.resolution_by is None:
            allowed = ", ".join([*(f"{metric}_minutes" for metric in SLA_METRICS), "resolution_by"])
            raise ValueError(f"priority {self.priority} promises nothing: give at least one of {allowed}")
        return self

    @property
    def promises(self) -> tuple[tuple[SlaMetric, float], ...]:
        """(metric, minutes) of what is promised."""
        minutes = ((metric, getattr(self, f"{metric}_minutes")) for metric in SLA_METRICS)
        return tuple((metric, value) for metric, value in minutes if value is not None)


class SupportHours(Section):
    """Opening hours that hold from `from_day` to `to_day` (both inclusive, None: for ever) after the launch."""

    from_day: Day | None = None
    to_day: Day | None = None
    phase: Slug | None = None
    # open, close; a day that is not named is closed. In short: `always`, or days as a range and hours as text, {mon-fri: "08:00-18:00"}
    hours: Annotated[dict[Weekday, tuple[TimeOfDay, Literal["24:00"] | TimeOfDay]], BeforeValidator(weekly_hours)]

    @model_validator(mode="after")
    def _days_and_hours(self) -> SupportHours:
        ordered_days(self)
        for day, (opens, closes) in self.hours.items():
            if opens == closes:
                raise ValueError(f"{day} opens and closes at {opens:%H:%M}: leave the day out if it is closed; all of it is 00:00 to 24:00")
        return self


class Category(Section):
    """What tickets are about: those with any of its tags. A ticket may be of several; those of none are counted as `none`."""

    id: Slug
    name: Name
    tags: Annotated[tuple[Name, ...], Field(min_length=1)]  # the options of a drop-down field of Zendesk are tags too
    kind: Literal["bug", "feature", "question", "praise"] | None = None
    severity: Literal["critical", "high", "medium", "low"] | None = None

    @model_validator(mode="after")
    def _is_not_none(self) -> Category:
        if self.id == "none":
            raise ValueError("none: tickets without a category are called so; give it another id")
        return self


class Zendesk(SourceSection):
    """Support: SLA targets and opening hours; `brand_id` narrows the tickets to one brand."""

    fills = ("support",)

    connection: str = "postlaunch_zendesk"
    lookback_days: Annotated[int, Field(ge=0, le=60)] = 1
    brand_id: AccountId | None = None
    sla: Annotated[tuple[SlaTarget, ...], AfterValidator(unique_by("priority"))] = ()
    support_hours: Annotated[tuple[SupportHours, ...], AfterValidator(disjoint_phases)] = ()  # empty: 24x7
    holidays: tuple[Date, ...] = ()
    priorities: Annotated[dict[Name, Priority], NotYet()] = Field(default_factory=dict)  # names of one's own for Zendesk's priorities
    categories: Annotated[tuple[Category, ...], AfterValidator(unique_by("id"))] = ()
    escalate_after_minutes: Annotated[Minutes | None, NotYet()] = None  # unresolved so long, a ticket goes a level up
    levels: Annotated[tuple[Name, ...], NotYet()] = ()  # who takes tickets, from the first level up


class IncidentTarget(Section):
    """How fast incidents of one severity are to be acknowledged and resolved, around the clock."""

    severity: Severity
    acknowledge_minutes: Minutes | None = None
    resolve_minutes: Minutes | None = None
    post_mortem_hours: Hours | None = None  # from the resolution to the note that links the post-mortem

    @model_validator(mode="after")
    def _promises_something(self) -> IncidentTarget:
        if self.acknowledge_minutes is None and self.resolve_minutes is None and self.post_mortem_hours is None:
            raise ValueError(f"severity {self.severity} promises nothing: give acknowledge_minutes, resolve_minutes or post_mortem_hours")
        return self


class Coverage(SupportHours):
    """Hours in which somebody is on call on the first level, from `from_day` to `to_day` (both inclusive, None: open)."""


class ActionItems(Section):
    """What is to be done after incidents, and within how many days: no API has it, so it is a CSV of incident, item, opened, done.

    A line per item: the incident's number, what is to be done, the date on which that was decided, the one on which it was done or nothing.
    """

    file: Name | None = None
    days: Annotated[int, Field(ge=1, le=366)]
    rows: tuple[tuple[int, Name, Date, Date | None], ...] = ()

    @model_validator(mode="after")
    def _has_items(self) -> ActionItems:
        if self.file is None and not self.rows:
            raise ValueError("give a file, or rows: [[12, Rotate the keys, 2026-01-14, null]]")
        return self


class PagerDuty(SourceSection):
    """Incidents: `services` narrows them, `severities` maps the account's priority names."""

    fills = ("incidents",)

    connection: str = "postlaunch_pagerduty"
    lookback_days: Annotated[int, Field(ge=0, le=60)] = 1
    services: tuple[Name, ...] = ()  # PagerDuty service ids; empty: all
    severities: dict[str, Severity] = Field(default={"P0": "P0", "P1": "P1", "P2": "P2", "P3": "P3"})  # case and outer spaces do not count
    targets: Annotated[tuple[IncidentTarget, ...], AfterValidator(unique_by("severity"))] = ()
    levels: tuple[Name, ...] = ()  # who is called, from the first level up
    post_mortem: Pattern = "post-?mortem"  # what a note with a link says once the post-mortem is written, whatever its case
    requirements: Pattern | None = None  # regular expression of requirement ids in titles and notes
    kinds: Annotated[dict[Slug, Name], NotYet()] = Field(default_factory=dict)  # promises that speak of kinds of incidents
    action_items: ActionItems | None = None
    impact: tuple[EventName, ...] = ()  # events whose loss during an incident is its impact
    coverage: Annotated[tuple[Coverage, ...], AfterValidator(disjoint_phases)] = ()  # from the launch date on
    show_titles: bool = False  # titles are free text and may name people; shown, they lose e-mail addresses and long numbers


class DeploymentWindow(Section):
    """When a new version may go live from `from_day` to `to_day` (both inclusive, None: open): so long after each time of the day."""

    from_day: Day | None = None
    to_day: Day | None = None
    phase: Slug | None = None
    at: Literal["always"] | Annotated[tuple[TimeOfDay, ...], Field(min_length=1)]
    minutes: Annotated[int, Field(ge=1, le=1440)] = 60

    @model_validator(mode="after")
    def _days_and_minutes(self) -> DeploymentWindow:
        ordered_days(self)
        for opens, closes in self.seconds:
            if closes > 86_400:
                raise ValueError(f"the window of {dt.time(opens // 3600, opens % 3600 // 60):%H:%M} ends after midnight")
        return self

    @property
    def seconds(self) -> tuple[tuple[int, int], ...]:
        """(opens, closes) of each window by the clock, in seconds since midnight; it closes before the second one."""
        if self.at == "always":
            return ((0, 86_400),)
        opens = [time.hour * 3600 + time.minute * 60 + time.second for time in self.at]
        return tuple((second, second + self.minutes * 60) for second in dict.fromkeys(opens))


class Deployments(Section):
    """New versions that went live: change events of PagerDuty (`pagerduty.services`) that say a version.

    The first four are the keys of their `custom_details`. A `kind` of hotfix is a hotfix. With a `result` of success, succeeded, passed or
    ok it went live, with failure, failed or error it did not; of any other that is not known.
    """

    version: Name = "version"
    kind: Name = "kind"
    result: Name = "result"
    identified_at: Name = "identified_at"  # of a hotfix: when the bug was identified, ISO 8601 with offset
    hotfix_hours: Hours | None = None  # from the bug identified to the fix live
    windows: Annotated[tuple[DeploymentWindow, ...], AfterValidator(disjoint_phases)] = ()  # on other days a version goes live at any time


class ServiceLevel(Section):
    """PromQL selectors of one service. `requests` and `latency_buckets` are raw counters: resets are handled in SQL."""

    id: Slug
    name: Name
    up: Query
    requests: Query
    status_label: Label = "code"  # label of `requests` that tells how a request ended, for example code, status, status_code
    error_codes: StatusCodes = "5.."  # on the whole value of that label
    latency_buckets: Query | None = None  # seconds, label `le`
    classes: dict[Slug, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)  # response times from so many seconds on, by name


class Resource(Section):
    """A gauge whose growth has a limit: capacity trend and days to `trigger`."""

    id: Slug
    name: Name
    query: Query
    unit: Literal["ratio", "count", "bytes", "seconds"]
    trigger: Positive
    direction: Annotated[Literal["above", "below"], NotYet()] = "above"  # below: it runs out; such a resource is not ingested yet
    action: Annotated[Name | None, NotYet()] = None  # what is to be done at the trigger


class PrometheusMetric(Section):
    """One PromQL selector to ingest: what it measures, of what, and how it is judged."""

    metric_id: str
    kind: Literal["up", "requests", "latency_buckets", "resource", "dependency", "alert", "leak", "gauge", "counter", "histogram"]
    subject_id: str
    subject_name: str
    query: str
    unit: str
    step_seconds: int
    status_label: str | None = None
    error_codes: str | None = None
    trigger: float | None = None
    reading: str | None = None  # of a declared KPI: what is taken of a day, see declared.PromMeasure


class Prometheus(SourceSection):
    """Service levels and resources, sampled every `step_seconds`.

    A point of the grid counts if its newest sample is younger than `gap_seconds`, else it is a gap. None: a step. Set it to the scrape
    interval, and some seconds more, where samples lie further apart than a step.
    """

    fills = ("reliability", "capacity")

    connection: str = "postlaunch_prometheus"
    openmetrics: tuple[str, ...] = ()  # export files (path, glob or URL) that are read instead of asking the server
    step_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    gap_seconds: Annotated[int, Field(ge=1, le=300)] | None = None
    lookback_days: Annotated[int, Field(ge=0, le=60)] = 0
    service_levels: Annotated[tuple[ServiceLevel, ...], AfterValidator(unique_by("id"))] = ()
    resources: Annotated[tuple[Resource, ...], AfterValidator(unique_by("id"))] = ()
    dependencies: Annotated[tuple[Dependency, ...], AfterValidator(unique_by("id"))] = ()

    @property
    def fresh_seconds(self) -> int:
        """A sample stands for the points of less than so many seconds after it; Prometheus itself looks back five minutes at most."""
        return min(self.gap_seconds or self.step_seconds, 300)

    @property
    def metrics(self) -> tuple[PrometheusMetric, ...]:
        """Every selector of this section; `metric_id` is <subject>.<kind>, for example api.requests or memory.resource."""
        levels = (
            self._metric(kind, level.id, level.name, query, unit, error_codes=level.error_codes, status_label=level.status_label)
            for level in self.service_levels
            for kind, query, unit in (
                ("up", level.up, "ratio"),
                ("requests", level.requests, "count"),
                ("latency_buckets", level.latency_buckets, "count"),
            )
            if query is not None
        )
        resources = (
            self._metric("resource", resource.id, resource.name, resource.query, resource.unit, trigger=resource.trigger)
            for resource in self.resources
            if resource.direction == "above"
        )
        dependencies = (self._metric("dependency", each.id, each.name, each.up, "ratio") for each in self.dependencies)
        return (*levels, *resources, *dependencies)

    def _metric(self, kind: Any, subject: str, name: str, query: str, unit: str, **rest: Any) -> PrometheusMetric:
        return PrometheusMetric(
            metric_id=f"{subject}.{kind}", kind=kind, subject_id=subject, subject_name=name, query=query, unit=unit,
            step_seconds=self.step_seconds, **rest,
        )  # fmt: skip


SECTIONS: dict[Source, type[SourceSection]] = {"mixpanel": Mixpanel, "zendesk": Zendesk, "pagerduty": PagerDuty, "prometheus": Prometheus}
DOMAIN_SOURCE: dict[Domain, Source] = {domain: source for source, section in SECTIONS.items() for domain in section.fills}


class Promise(Section):
    """Where a target comes from: the document and its words."""

    document: Name
    section: Name | None = None
    words: Name

    def __str__(self) -> str:
        """`payment-app-operations 4.2: more than 99.9 % of payments`."""
        return f"{self.document}{f' {self.section}' if self.section else ''}: {self.words}"


Promises = Annotated[tuple[Promise, ...], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)]


class Target(Section):
    """What a KPI promises from launch day `from_day` to `to_day` (both inclusive, None: for ever), or in a phase of the launch by its name.

    `change` is relative to what the KPI was in another phase: {phase: week_2, change: -0.10, since: week_1} wants a tenth less.
    """

    phase: Slug | None = None
    from_day: Day | None = None
    to_day: Day | None = None
    per: Per | None = None  # the periods that it judges; None: day, week, month, and for a count its phase as a whole
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None  # as at_least, but on the line it is missed
    below: float | None = None  # as at_most, but on the line it is missed
    change: Annotated[float, Field(gt=-1)] | None = None
    since: Slug | None = None
    promise: Promises = ()

    @model_validator(mode="after")
    def _days_and_bound(self) -> Target:
        ordered_days(self)
        if len(self._given) != 1:
            raise ValueError("give exactly one of at_least, at_most, above, below and change")
        if (self.change is None) != (self.since is None):
            raise ValueError("change and since go together: change: -0.10, since: week_1")
        return self

    @property
    def _given(self) -> dict[str, float]:
        bounds = {"at_least": self.at_least, "at_most": self.at_most, "above": self.above, "below": self.below, "change": self.change}
        return {key: bound for key, bound in bounds.items() if bound is not None}

    @property
    def first_day(self) -> int:
        """The first day of its phase: the launch date where it names none."""
        return self.from_day or 0

    @property
    def key(self) -> str:
        """The key that gives the bound."""
        return next(iter(self._given))

    @property
    def comparator(self) -> Comparator:
        """How a value is held against the bound: a change that asks for more is at least that much."""
        return (">=" if self.bound > 0 else "<=") if self.key == "change" else COMPARATORS[self.key]

    @property
    def bound(self) -> float:
        """The promised number, in the KPI's unit; of `change` the relative one."""
        return self._given[self.key]


def _side_by_side(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """A validator of targets: a day has one of each `per`, but quotas of different phases stand beside each other. Raises ValueError."""
    for per in {target.per for target in targets}:
        same = tuple(target for target in targets if target.per == per)
        if per == "phase":
            unique_by("first_day", "to_day")(same)
        else:
            disjoint_phases(same)
    return targets


class Segment(Section):
    """Users who are looked at by themselves, for example a wave of a rollout; a KPI is `of: {wave: <id>}` then.

    Either by the launch day of their first day, from `from_day` to `to_day` (both inclusive, None: open), or by what their profile says
    now: where: [[plan, in, [pro, team]]], of properties that `mixpanel.profile_properties` pulls. A user may be in several.
    """

    id: Slug
    name: Name
    from_day: Day | None = None
    to_day: Day | None = None
    where: Conditions = ()

    @model_validator(mode="after")
    def _days_or_profile(self) -> Segment:
        ordered_days(self)
        if bool(self.where) == (self.from_day is not None or self.to_day is not None):
            raise ValueError("give from_day, to_day or both, or else where")
        return self


class LaunchKpi(Section):
    """A KPI of this launch: one of the catalogue (docs/reference/kpis.md) with its promises, or with a `measure` one of its own.

    `of` says of what: {severity: P1}, and of whom: {wave: beta}, one of `segments`; empty: of all together. A KPI of its own has a unit and
    the side on which it is better.
    """

    kpi: str
    of: Annotated[dict[str, Annotated[str, BeforeValidator(str)]], Field(max_length=2, default_factory=dict)]
    name: Name | None = None  # None: the id in words
    definition: Name | None = None  # what is counted, in words; None: the measure in words
    unit: Unit | None = None
    better: Literal["higher", "lower"] | None = None
    domain: Domain | None = None  # of facts: whose numbers they are shown and published with
    measure: Measure | None = None
    targets: Annotated[tuple[Target, ...], AfterValidator(_side_by_side)] = ()
    if_missed: tuple[Name, ...] = ()  # what was said to be done then; reviews that find it missed say so
    promise: Promises = ()  # where it comes from, of what has no target

    def words_of(self, target: Target) -> str:
        """Where a target comes from: its own promises, or else those of the KPI; empty where the file names none."""
        return "; ".join(map(str, target.promise or self.promise))

    @model_validator(mode="after")
    def _own_or_known(self) -> LaunchKpi:
        if self.measure is None:
            given = [key for key in ("unit", "better", "domain", "name", "definition") if getattr(self, key) is not None]
            if given:
                raise ValueError(f"{', '.join(given)}: only of a KPI with a measure of its own")
            if not self.targets:
                raise ValueError("give a measure, targets, or both")
            return self
        if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", self.kpi):
            raise ValueError("the id of a KPI is of small letters, digits and _, 41 of them at most")
        missing = [key for key in ("unit", "better") if getattr(self, key) is None]
        if missing:
            raise ValueError(f"a KPI with a measure says its {' and '.join(missing)}")
        if self.of:
            raise ValueError("of: a KPI with a measure is of the whole; promise something of a wave in an entry without the measure")
        if (self.domain is None) == (self.measure.facts is not None):
            raise ValueError("domain: facts say the domain that they are shown and published with, and no other measure does")
        return self

    @property
    def subject(self) -> str:
        """What it is of; empty: the whole."""
        return next((subject for kind, subject in self.of.items() if kind != WAVE), "")

    @property
    def segment(self) -> str:
        """Of whom it is; empty: of everybody."""
        return self.of.get(WAVE, "")


ReviewTime = Annotated[str, Field(pattern=r"^((mon|tue|wed|thu|fri|sat|sun) )?([01]\d|2[0-3]):[0-5]\d$")]


def _has_hours_after(checklists: dict[str, tuple[str, ...]]) -> bool:
    return any(when.startswith("H+") for when in checklists)


class Reviews(Section):
    """Who is mailed what; `business_cycle_days` and `minimum_sample` guard the verdict."""

    recipients: dict[ReviewKind, tuple[Email, ...]] = Field(default_factory=dict)
    business_cycle_days: Annotated[int, Field(ge=1, le=366)] = 30
    minimum_sample: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    at: Annotated[dict[str, ReviewTime], NotYet()] = Field(default_factory=dict)  # {daily: "09:00", weekly: "fri 16:00"}, local time
    pulse: Annotated[Pulse | None, NotYet()] = None
    # By time of day, in the daily review; hours after the launch (H+4) not yet.
    checklists: Annotated[dict[Name, tuple[Name, ...]], NotYet(_has_hours_after)] = Field(default_factory=dict)


class Launch(Section):
    """One launched product. A source that the file does not name is not ingested."""

    launch: Slug
    name: Name
    owner: Owner
    date: Date
    timezone: Zone
    phases: dict[Slug, tuple[Day, Day | None]] = Field(default_factory=dict)  # named spans of launch days, both ends inclusive
    reviews: Reviews = Reviews()
    mixpanel: Mixpanel | None = None
    zendesk: Zendesk | None = None
    pagerduty: PagerDuty | None = None
    prometheus: Prometheus | None = None
    kpis: Annotated[tuple[LaunchKpi, ...], AfterValidator(unique_by("kpi", "subject", "segment"))] = ()
    segments: Annotated[tuple[Segment, ...], AfterValidator(unique_by("id"))] = ()
    population: Population | None = None
    deployments: Deployments | None = None
    alerts: Annotated[tuple[Alert, ...], AfterValidator(unique_by("id"))] = ()
    plan: Annotated[tuple[PlanMonth, ...], AfterValidator(unique_by("month"))] = ()
    verdict: VerdictRules = VerdictRules()

    @model_validator(mode="before")
    @classmethod
    def _phases_by_name(cls, given: Any) -> Any:
        return with_phase_days(given)

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return ZoneInfo(self.timezone)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources that this launch ingests."""
        return tuple(source for source in SOURCES if getattr(self, source) is not None)

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The mart domains that this launch can fill."""
        return tuple(domain for domain in DOMAINS if DOMAIN_SOURCE[domain] in self.sources)

    def launch_day(self, day: dt.date) -> int:
        """Days since the launch date; negative before it."""
        return (day - self.date).days

    def day_start(self, day: dt.date) -> dt.datetime:
        """Midnight that begins `day` in the reporting zone (zone-aware)."""
        return dt.datetime.combine(day, dt.time(), tzinfo=self.zone)

    def window(self, dates: Dates) -> Interval:
        """From the midnight that begins the dates to the one that ends them, in the reporting zone."""
        return Interval(self.day_start(dates.first), self.day_start(dates.last + dt.timedelta(days=1)))
