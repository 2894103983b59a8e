"""A real Prometheus that scrapes a real node exporter, and two days of history in its storage: the warehouse holds what the API says.

promtool tsdb create-blocks-from openmetrics  ->  two past days: a counter that is reset, buckets, NaN, infinities, a gap
prometheus (1 s) <- prometheus-node-exporter  ->  today: real metrics of this machine, and an exporter that dies
"""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import SourceError
from postlaunch.ingest import ingest
from postlaunch.sources.prometheus.extract import metrics
from sandbox.ports import free_ports

pytestmark = [pytest.mark.needs("prometheus", "promtool", "node-exporter"), pytest.mark.slow]

LIVE_SECONDS = 20
Sample = tuple[str, str, float, str]  # metric id, labels, seconds since 1970, value

SECTION = {
    "step_seconds": 60,
    "service_levels": [
        {
            "id": "api",
            "name": "API",
            "up": 'up{job="shop"}',
            "requests": 'http_requests_total{job="shop"}',
            "latency_buckets": 'http_request_duration_seconds_bucket{job="shop"}',
        }
    ],
    "resources": [{"id": "queue", "name": "Queue", "query": "queue_depth", "unit": "count", "trigger": 100}],
}
LIVE_SECTION = {
    "step_seconds": 1,
    "gap_seconds": 5,  # a busy machine scrapes late
    "resources": [
        {"id": "node", "name": "Exporter", "query": 'up{job="node"}', "unit": "count", "trigger": 1},
        {"id": "memory", "name": "Memory", "query": "node_memory_MemAvailable_bytes", "unit": "bytes", "trigger": 1},
        {"id": "cpu", "name": "CPU", "query": "node_cpu_seconds_total", "unit": "seconds", "trigger": 1},
    ],
}


def make_launch(section: dict[str, object]) -> Launch:
    owner = {"name": "Ada", "email": "ada@example.com"}
    today = dt.datetime.now(dt.UTC).date()
    return Launch.model_validate(
        {"launch": "shop", "name": "Shop", "owner": owner, "date": str(today), "timezone": "America/New_York", "prometheus": section}
    )


def history(first: dt.datetime, last: dt.datetime) -> str:
    """OpenMetrics text of a sample a minute from `first` to `last`, with the troubles of real series."""
    families: dict[str, list[str]] = {
        "up gauge": [],
        "queue_depth gauge": [],
        "http_requests counter": [],
        "http_request_duration_seconds gauge": [],
    }
    for minute in range(int((last - first).total_seconds()) // 60):
        at = int(first.timestamp()) + 60 * minute
        if 600 <= minute < 660:
            continue  # an hour without samples
        for instance in ("a", "b"):
            families["up gauge"].append(f'up{{job="shop",instance="{instance}"}} {int(minute % 97 != 5)} {at}')
        depth = {3: "NaN", 4: "+Inf", 5: "-Inf"}.get(minute, f"{50 + 40 * math.sin(minute / 200):.6f}")
        families["queue_depth gauge"].append(f"queue_depth {depth} {at}")
        served = 7 * (minute if minute < 1000 else minute - 1000)  # a restart
        for code, share in (("200", 1.0), ("500", 0.01)):
            families["http_requests counter"].append(f'http_requests_total{{job="shop",code="{code}"}} {served * share:.2f} {at}')
        for le, share in (("0.1", 0.5), ("1", 0.9), ("+Inf", 1.0)):
            line = f'http_request_duration_seconds_bucket{{job="shop",le="{le}"}} {served * share:.2f} {at}'
            families["http_request_duration_seconds gauge"].append(line)
    families["http_request_duration_seconds_bucket gauge"] = families.pop("http_request_duration_seconds gauge")
    return "".join(f"# TYPE {family}\n" + "".join(f"{line}\n" for line in lines) for family, lines in families.items()) + "# EOF\n"


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def ask(url: str, path: str, **parameters: object) -> list[dict[str, object]]:
    """The result of an API call, fetched with nothing of ours."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
        result: list[dict[str, object]] = json.load(answer)["data"]["result"]
    return result


def wait_until(what: str, seconds: float, condition: object) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():  # type: ignore[operator]
                return
        except OSError:
            pass
        time.sleep(0.3)
    pytest.fail(f"{what} did not happen within {seconds} s")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real server with two days of history and some seconds of this machine, whose exporter died at the end."""
    folder = tmp_path_factory.mktemp("prometheus")
    launch = make_launch({})
    today = dt.datetime.now(launch.zone).date()
    (folder / "history.txt").write_text(history(launch.day_start(today - dt.timedelta(days=2)), launch.day_start(today)))
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "history.txt"), str(folder / "data")]
    subprocess.run(blocks, check=True, stdout=subprocess.DEVNULL)
    port, node_port = free_ports(2)
    target = {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{node_port}"]}]}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [target]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        arguments = (
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        with running(folder, "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node_port}"):
            stack.enter_context(running(folder, "prometheus", *arguments))
            count = f'count_over_time(up{{job="node"}}[5m]) >= {LIVE_SECONDS}'
            wait_until("a first scrape", 60, lambda: ask(url, "query", query='up{job="node"} == 1'))
            wait_until(f"{LIVE_SECONDS} scrapes", 60, lambda: ask(url, "query", query=count))
        wait_until("the death of the exporter", 30, lambda: ask(url, "query", query='up{job="node"} == 0'))
        time.sleep(3)
        yield url


@pytest.fixture
def connected(prometheus: str, warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_PROMETHEUS", prometheus)
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    return prometheus


def labels_of(labels: object) -> str:
    return json.dumps(labels, sort_keys=True)


def in_warehouse(warehouse: str, until: dt.datetime) -> set[Sample]:
    with psycopg.connect(warehouse) as session:
        rows = session.execute(
            "select sample.metric_id, series.labels, extract(epoch from sample.sampled_at)::double precision, sample.value "
            "from raw.prometheus_samples as sample inner join raw.prometheus_series as series using (series_id) "
            "where sample.sampled_at <= %s",
            [until],
        ).fetchall()
    found = {(metric, labels_of(labels), at, repr(value)) for metric, labels, at, value in rows}
    assert len(found) == len(rows), "a sample stands twice"
    return found


def in_api(url: str, launch: Launch, first: dt.date, until: dt.datetime) -> set[Sample]:
    """Every fresh sample from the start of `first` to `until`, both included, asked in pieces of 10,000 points."""
    assert launch.prometheus is not None
    step = launch.prometheus.step_seconds
    found: set[Sample] = set()
    for metric in metrics(launch):
        start, end = int(launch.day_start(first).timestamp()), int(until.timestamp()) // step * step
        while start <= end:
            piece = min(end, start + 9_999 * step)
            window = {"start": start, "end": piece, "step": step}
            scraped = {
                (labels_of(series["metric"]), at): float(moment)
                for series in ask(url, "query_range", query=f"timestamp({metric.query})", **window)
                for at, moment in series["values"]  # type: ignore[attr-defined]
            }
            for series in ask(url, "query_range", query=metric.query, **window):
                nameless = labels_of({name: value for name, value in series["metric"].items() if name != "__name__"})  # type: ignore[attr-defined]
                for at, value in series["values"]:  # type: ignore[attr-defined]
                    if at - scraped[nameless, at] < launch.prometheus.fresh_seconds:
                        found.add((metric.metric_id, labels_of(series["metric"]), float(at), repr(float(value))))
            start = piece + step
    return found


def test_two_days_of_history_are_in_the_warehouse_exactly_as_the_api_tells_them(connected: str, warehouse: str) -> None:
    launch = make_launch(SECTION)
    today = dt.datetime.now(launch.zone).date()
    first, last = today - dt.timedelta(days=2), today - dt.timedelta(days=1)
    result = ingest("prometheus", launch, first, last)
    until = launch.day_start(today) - dt.timedelta(seconds=1)
    stored = in_warehouse(warehouse, until)
    assert stored == in_api(connected, launch, first, until)
    assert len(stored) == result.loaded > 15_000
    with psycopg.connect(warehouse) as session:
        holes = session.execute("select distinct sample_date, ends_at - starts_at, missing_count from raw.prometheus_gaps").fetchall()
    assert holes == [(first, dt.timedelta(hours=1), 60)]
    assert {metric for metric, *_ in stored} == {"api.up", "api.requests", "api.latency_buckets", "queue.resource"}
    assert {"nan", "inf", "-inf"} <= {value for *_, value in stored}
    assert not ingest("prometheus", launch, first, last).is_changed


def test_history_equals_what_promtool_prints(connected: str, warehouse: str) -> None:
    launch = make_launch(SECTION)
    day = dt.datetime.now(launch.zone).date() - dt.timedelta(days=1)
    ingest("prometheus", launch, day, day)
    start, end = (moment.timestamp() for moment in launch.window(Dates.of(day)))
    command = ["promtool", "query", "range", "--format=json", f"--start={start:.0f}", f"--end={end - 60:.0f}", "--step=60s", connected]
    printed = json.loads(subprocess.run([*command, 'up{job="shop"}'], check=True, capture_output=True).stdout)
    told = {("api.up", labels_of(each["metric"]), float(at), repr(float(value))) for each in printed for at, value in each["values"]}
    assert {sample for sample in in_warehouse(warehouse, launch.day_start(day + dt.timedelta(days=1))) if sample[0] == "api.up"} == told
    assert len(told) > 2000


def test_real_metrics_of_this_machine_are_in_the_warehouse_second_by_second(connected: str, warehouse: str) -> None:
    launch = make_launch(LIVE_SECTION)
    until = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    today = until.astimezone(launch.zone).date()
    ingest("prometheus", launch, today, today)
    stored = in_warehouse(warehouse, until)
    assert stored == in_api(connected, launch, today, until)
    assert {value for metric, _, _, value in stored if metric == "node.resource"} == {"0.0", "1.0"}
    assert sum(1 for metric, *_ in stored if metric == "memory.resource") >= LIVE_SECONDS - 1


def test_no_sample_lies_in_the_future(connected: str, warehouse: str) -> None:
    launch = make_launch(LIVE_SECTION)
    today = dt.datetime.now(launch.zone).date()
    ingest("prometheus", launch, today, today)
    with psycopg.connect(warehouse) as session:
        assert session.execute("select max(sampled_at) <= now() from raw.prometheus_samples").fetchone() == (True,)


def test_a_query_that_prometheus_cannot_parse_is_named(connected: str, warehouse: str) -> None:
    resource = {"id": "queue", "name": "Queue", "query": "sum(queue_depth", "unit": "count", "trigger": 1}
    launch = make_launch({"resources": [resource]})
    today = dt.datetime.now(launch.zone).date()
    with pytest.raises(SourceError, match=r"refuses the query of queue\.resource: .*parse error.* fix it in the launch file"):
        ingest("prometheus", launch, today, today)


SPELLINGS = (
    "queue_depth",
    "(queue_depth)",
    "queue_depth # of all",
    "{__name__=`queue_depth`}",
    '{__name__=~"queue_dept[h]"}',
    'queue_depth{job!~"2(?i)"}',
)


def test_however_a_selector_is_spelled_the_same_points_leave(connected: str, warehouse: str) -> None:
    resources = [{"id": f"q{n}", "name": "Queue", "query": q, "unit": "count", "trigger": 1} for n, q in enumerate(SPELLINGS)]
    launch = make_launch({"step_seconds": 60, "resources": resources})
    day = dt.datetime.now(launch.zone).date() - dt.timedelta(days=2)
    ingest("prometheus", launch, day, day)
    with psycopg.connect(warehouse) as session:
        counts = session.execute("select metric_id, count(*) from raw.prometheus_samples group by 1 order by 1").fetchall()
        warned = session.execute("select unnest(warnings) from ops.partition_loads").fetchall()
    assert [metric for metric, _ in counts] == [f"q{number}.resource" for number in range(len(SPELLINGS))]
    assert len({count for _, count in counts}) == 1
    assert len([text for (text,) in warned if "points left out" in text]) == len(SPELLINGS)
