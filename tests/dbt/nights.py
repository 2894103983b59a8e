"""A company whose launches live through nights: launch files change, records land, the real loader loads them.

    company.play(last, kinds)  ->  what was changed and loaded in the night after the date `last`, in words

One launch joins later than the others, and one leaves. Sources fail for a night, dates stay missing and are filled, former dates are pulled
again with other rows, and a launch whose time zone changes is dated anew.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterable
from pathlib import Path

from postlaunch.config.declared import prometheus_metrics
from postlaunch.config.launch import SOURCES, Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Partition, Pull, new_pull_id
from postlaunch.load.loader import Loader
from postlaunch.load.redate import redate
from postlaunch.sources.prometheus.samples import grid, request_of
from postlaunch.warehouse.db import connect
from tests.dbt.night_files import KINDS, Rules, changed, first_rules, launch_file
from tests.dbt.night_records import SERVICES, Record, World, iso

FIRST = dt.date(2026, 2, 20)  # a month ends soon, and clocks change in New York (8 March) and Berlin (29 March)
BEGINS_AT = dt.datetime.combine(FIRST, dt.time(12), dt.UTC)
DAY = dt.timedelta(days=1)
STREAMS: dict[Source, tuple[str, ...]] = {
    "zendesk": ("tickets", "ticket_metric_events", "ticket_events"),
    "pagerduty": ("log_entries", "incidents"),
}
ADDED, REMOVED = "a launch added", "a launch removed"
EVERY_KIND = (*KINDS, ADDED, REMOVED)


class Story:
    """One launch: its file, what its sources know, and what was pulled of them."""

    def __init__(self, name: str, seed: int, launches: Path, landing: Landing) -> None:
        """The file is written; nothing was pulled yet."""
        self.name, self._launches, self._landing = name, launches, landing
        self._random = random.Random(f"{seed} {name}")
        self._rules: Rules = first_rules(self._random)
        self._world = World(f"{seed} {name}", BEGINS_AT)
        self._seen: dict[Source, dt.date] = {}
        self._missing: set[tuple[Source, dt.date]] = set()
        self._versions: dict[dt.date, int] = {}
        self._write()

    @property
    def file(self) -> Launch:
        """The launch file as it is read."""
        return load_launch(self._launches, self.name)

    def change(self, kind: str) -> str:
        """Let the file say something else, and date the launch anew if it says another zone; what, in words."""
        before, self._rules = self._rules, changed(self._rules, kind, self._random)
        self._write()
        if kind == "zone":
            redate(self.file)
        return f"{self.name} {kind}: {before[kind]} -> {self._rules[kind]}"

    def _write(self) -> None:
        (self._launches / f"{self.name}.yaml").write_text(json.dumps(launch_file(self.name, self._rules), default=str))

    def pull(self, sources: Iterable[Source], last: dt.date) -> str:
        """Go on to the end of a date and load what the sources tell of it and of former ones; which dates, in words."""
        launch = self.file
        self._world.advance(launch.day_start(last + DAY))
        late = {moment.astimezone(launch.zone).date() for moment in self._world.come_late()} if self._random.random() < 0.7 else set()
        if self._random.random() < 0.15:
            lost = FIRST + self._random.randrange((last - FIRST).days) * DAY
            self._world.lose(lambda moment: moment.astimezone(launch.zone).date() == lost, self._random.choice((0.3, 1)))
            late.add(lost)
        told = []
        for source in sources:
            dates = [f"{date:%d %b}" for date in self._pull(launch, source, last, late)]
            told.append(f"{source} {', '.join(dates)}")
        return f"{self.name}: {'; '.join(told)}"

    def _pull(self, launch: Launch, source: Source, last: dt.date, late: set[dt.date]) -> list[dt.date]:
        if source in STREAMS:
            first = self._seen.get(source, BEGINS_AT.astimezone(launch.zone).date())
            self._seen[source] = last
            self._load(launch, [self._window(launch, source, stream, Dates(first, last)) for stream in STREAMS[source]])
            return [first, last]
        dates = sorted(self._dates(launch, source, last, late))
        self._load(launch, [self._date(launch, source, date) for date in dates])
        if source == "mixpanel":
            self._load(launch, [self._land(launch, source, "profiles", Dates.of(last), self._world.change_profiles())])
        return dates

    def _dates(self, launch: Launch, source: Source, last: dt.date, late: set[dt.date]) -> set[dt.date]:
        """Those that are not loaded, some of which stay missing for some nights, and those whose rows are others now."""
        with connect() as session:
            rows = session.execute(
                "select distinct partition_date from ops.partition_loads "
                "where launch_id = %s and source = %s and partition_date is not null",
                [self.name, source],
            ).fetchall()
        loaded = {date for (date,) in rows}
        wanted = set(Dates(BEGINS_AT.astimezone(launch.zone).date(), last).each) - loaded
        self._missing = {(own, date) for own, date in self._missing if own != source or (date in wanted and self._random.random() < 0.6)}
        if self._random.random() < 0.1:
            self._missing.add((source, last))
        again = late & loaded if source == "mixpanel" else set()
        if source == "prometheus" and loaded and self._random.random() < 0.4:
            date = self._random.choice(sorted(loaded))
            self._versions[date] = self._versions.get(date, 0) + 1
            again = {date}
        return again | {date for date in wanted if (source, date) not in self._missing}

    def _date(self, launch: Launch, source: Source, date: dt.date) -> Pull:
        window = launch.window(Dates.of(date)).utc
        if source == "mixpanel":
            start, end = window.start.timestamp(), window.end.timestamp()
            events = [event for event in self._world.events if start <= event["properties"]["time"] < end]
            return self._land(launch, source, "events", date, events, timezone="UTC")
        assert launch.prometheus is not None
        step = launch.prometheus.step_seconds
        first, count = grid(window, step)
        points = range(first, first + count * step, step)
        version = f"{date} {self._versions.get(date, 0)}"
        blocks = [block for metric in prometheus_metrics(launch) for block in self._world.samples(metric, points, version)]
        return self._land(launch, source, "samples", date, blocks, **request_of(launch, launch.prometheus))

    def _window(self, launch: Launch, source: Source, stream: str, dates: Dates) -> Pull:
        return self._land(launch, source, stream, dates, self._world.pull(stream))

    def _land(self, launch: Launch, source: Source, stream: str, partition: Partition, records: list[Record], **request: object) -> Pull:
        dates = Dates.of(partition) if isinstance(partition, dt.date) else partition
        writer = PartitionWriter(self._landing, source, self.name, stream, partition, new_pull_id(), launch.window(dates))
        for record in records:
            writer.write(json.dumps(record).encode(), len(record["values"]) if stream == "samples" else 1)
        return writer.finalise(request)

    def _load(self, launch: Launch, pulls: list[Pull]) -> None:
        with Loader(launch) as loader, loader.together(pulls):
            for pull in pulls:
                loader.load(pull, accept_shrunk=True)

    def name_services(self) -> None:
        """The account's services, one of which nobody has had an incident of."""
        launch = self.file
        services = [{"id": own, "name": f"Service {own}", "created_at": iso(BEGINS_AT.timestamp())} for own in (*SERVICES, "PS9")]
        self._load(launch, [self._land(launch, "pagerduty", "services", Dates.of(FIRST), services)])


class Company:
    """Launches, from two on."""

    def __init__(self, seed: int, launches: Path, landing: Path) -> None:
        """Files are written into `launches`."""
        self._seed, self._launches, self._landing = seed, launches, Landing(str(landing))
        self._random = random.Random(seed)
        self._stories: list[Story] = []
        self._joined = 0
        for _ in range(2):
            self._add()

    def _add(self) -> str:
        self._joined += 1
        story = Story(f"launch-{self._joined}", self._seed, self._launches, self._landing)
        self._stories.append(story)
        story.name_services()
        return f"{story.name} joins"

    def _remove(self) -> str:
        story = self._stories.pop(self._random.randrange(len(self._stories)))
        (self._launches / f"{story.name}.yaml").unlink()
        return f"{story.name} leaves"

    def play(self, last: dt.date, kinds: Iterable[str], source: Source | None = None) -> list[str]:
        """One night: the launch files change in these ways, then the date `last` is pulled of all sources, or of one alone: of `source`."""
        told = []
        for kind in kinds:
            if kind in (ADDED, REMOVED):
                told.append(self._add() if kind == ADDED or len(self._stories) == 1 else self._remove())
            else:
                told.append(self._random.choice(self._stories).change(kind))
        sources: list[Source] = [source] if source else list(SOURCES)
        if not source and self._random.random() < 0.2:
            sources = [self._random.choice(sources)]
        for story in self._stories:
            pulled = [source for source in sources if len(sources) == 1 or self._random.random() < 0.9]
            told += [story.pull(pulled, last)]
        return told
