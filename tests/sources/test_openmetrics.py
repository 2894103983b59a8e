from __future__ import annotations

import datetime as dt
import gzip
import io
import itertools
import json
import re
import subprocess
import time
import traceback
import tracemalloc
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest
from fsspec.registry import _registry
from fsspec.spec import AbstractFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from upath import UPath

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, SourceError
from postlaunch.ingest import ingest
from postlaunch.landing import writer as landing_writer
from postlaunch.landing.zone import Landing, Manifest, Pull, write_manifest
from postlaunch.sources.prometheus import openmetrics
from postlaunch.sources.prometheus.extract import extract
from postlaunch.sources.prometheus.selectors import parse_selector
from sandbox.ports import free_port

DAY = dt.date(2026, 1, 12)
MIDNIGHT = 1768194000  # of New York
MEMORY = {"id": "memory", "name": "Memory", "query": "memory_used", "unit": "ratio", "trigger": 0.9}
Point = tuple[str, str, float, str]  # metric id, labels, seconds since 1970, value


def silent(*_: object) -> None:
    pass


def points(pulls: list[Pull]) -> list[Point]:
    blocks = [json.loads(line) for pull in pulls for batch in pull.batches() for line in batch.lines]
    return [(block["metric_id"], json.dumps(block["labels"]), at, value) for block in blocks for at, value in block["values"]]


def values(pulls: list[Pull]) -> list[tuple[float, str]]:
    return [(at - MIDNIGHT, value) for _, _, at, value in points(pulls)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "exports").mkdir()
    return tmp_path / "exports"


@pytest.fixture
def pull(make_launch, connection, landing, folder: Path) -> Callable[..., list[Pull]]:
    """Pull 2026-01-12 from files of the given texts; `# EOF` is put behind each."""

    def run(*texts: str, last: dt.date = DAY, **section: Any) -> list[Pull]:
        for number, text in enumerate(texts):
            (folder / f"{number}.om").write_text(f"{text}# EOF\n")
        config = {"openmetrics": [str(folder / "*.om")], "step_seconds": 60, "resources": [MEMORY], **section}
        return extract(make_launch(prometheus=config), connection, Dates(DAY, last), landing, silent)

    return run


def lines(*samples: tuple[float, str], name: str = "memory_used") -> str:
    return "".join(f"{name} {value} {MIDNIGHT + seconds:.3f}\n" for seconds, value in samples)


def test_a_point_gets_the_newest_sample_before_it_that_is_younger_than_a_step(pull) -> None:
    found = values(pull(lines((0, "1"), (59.999, "2"), (60.001, "3"), (150, "4"), (400, "5"))))
    assert found == [(0, "1"), (60, "2"), (120, "3"), (180, "4"), (420, "5")]


def test_samples_further_apart_than_a_step_are_no_gap_if_the_launch_says_so(pull) -> None:
    found = values(pull(lines((0, "1"), (120, "2"), (600, "3")), gap_seconds=150))
    assert found == [(0, "1"), (60, "1"), (120, "2"), (180, "2"), (240, "2"), (600, "3"), (660, "3"), (720, "3")]


def test_a_sample_of_the_evening_before_stands_for_the_first_point_of_a_day(pull) -> None:
    assert values(pull(lines((-30, "1"), (60, "2")))) == [(0, "1"), (60, "2")]


def test_every_date_has_its_own_partition_and_a_quiet_one_is_landed_too(pull) -> None:
    first, second, third = pull(lines((86340, "1"), (86399, "2")), last=DAY + dt.timedelta(days=2))
    assert (values([first]), values([second]), values([third])) == ([(86340, "1")], [(86400, "2")], [])
    assert third.manifest.rows == 0


def test_values_stay_what_the_file_says(pull) -> None:
    strange = ["NaN", "+Inf", "-Inf", "1e-300", "0.1", "1e+06"]
    found = values(pull(lines(*((60.0 * number, value) for number, value in enumerate(strange)))))
    assert [value for _, value in found] == strange


EXPORTER = f"""\
# TYPE http_requests counter
# UNIT http_requests requests
# HELP http_requests Served, with a "quote" and a \\\\ in the help.
http_requests_total{{code="200",path="/a b{{c}}"}} 17 {MIDNIGHT} # {{trace_id="abc # }} def"}} 0.5 {MIDNIGHT - 1}
http_requests_created{{code="200",path="/a b{{c}}"}} {MIDNIGHT - 9.25} {MIDNIGHT}
http_requests_total{{code="200",path="say \\"hi\\"\\nC:\\\\temp"}} 1 {MIDNIGHT}
# TYPE latency_seconds histogram
latency_seconds_bucket{{le="0.1"}} 3 {MIDNIGHT} # {{trace_id="x"}} 0.07
latency_seconds_bucket{{le="+Inf"}} 5 {MIDNIGHT}
latency_seconds_count 5 {MIDNIGHT}
latency_seconds_sum 1.25 {MIDNIGHT}
latency_seconds_created {MIDNIGHT - 9.25} {MIDNIGHT}
# TYPE latency_quantiles summary
latency_quantiles{{quantile="0.95"}} 0.3 {MIDNIGHT}
# TYPE build info
build_info{{version="1.2"}} 1 {MIDNIGHT}
# TYPE memory_used gauge
memory_used -4.5e-3 {MIDNIGHT}
"""


def test_an_exporter_is_read_as_the_reference_parser_reads_it(pull) -> None:
    everything = {**MEMORY, "query": '{__name__=~".+"}'}
    found = {(labels, float(value)) for _, labels, _, value in points(pull(EXPORTER, resources=[everything]))}
    told = {
        (json.dumps(dict(sorted({"__name__": sample.name, **sample.labels}.items()))), sample.value)
        for family in text_string_to_metric_families(EXPORTER + "# EOF\n")
        for sample in family.samples
    }
    assert found == told
    assert len(told) == 11


def test_only_the_series_that_a_selector_takes_are_landed_once_for_each_metric(pull) -> None:
    level = {
        "id": "api",
        "name": "API",
        "up": "memory_used",
        "requests": 'http_requests_total{code=~"2..",path!="/a b{c}"}',
        "latency_buckets": "latency_seconds_bucket",
    }
    found = [(metric, json.loads(labels)) for metric, labels, *_ in points(pull(EXPORTER, service_levels=[level]))]
    name, path = "http_requests_total", 'say "hi"\nC:\\temp'
    assert sorted(found, key=str) == sorted(
        [
            ("api.up", {"__name__": "memory_used"}),
            ("memory.resource", {"__name__": "memory_used"}),
            ("api.requests", {"__name__": name, "code": "200", "path": path}),
            ("api.latency_buckets", {"__name__": "latency_seconds_bucket", "le": "0.1"}),
            ("api.latency_buckets", {"__name__": "latency_seconds_bucket", "le": "+Inf"}),
        ],
        key=str,
    )


def test_names_in_quotes_empty_labels_and_go_escapes_are_read(pull) -> None:
    text = f'{{"memory_used", zone="", host="caf\\u00e9\\t1"}} 1 {MIDNIGHT}\n'
    ((_, labels, *_),) = points(pull(text))
    assert json.loads(labels) == {"__name__": "memory_used", "host": "café\t1"}


def test_a_series_goes_on_in_the_next_file_and_repeats_its_last_sample(pull, folder: Path) -> None:
    (folder / "1.om.gz").write_bytes(gzip.compress((lines((60, "2"), (120, "3")) + "# EOF\n").encode()))
    found = values(pull(lines((0, "1"), (60, "2")), openmetrics=[str(folder / "0.om"), str(folder / "*.gz")]))
    assert found == [(0, "1"), (60, "2"), (120, "3")]


def test_the_manifest_says_which_files_were_read(pull, folder: Path) -> None:
    (day,) = pull(lines((0, "1")))
    assert day.manifest.request == {
        "files": [str(folder / "0.om")],
        "step_seconds": 60,
        "fresh_seconds": 60,
        "queries": {"memory.resource": "memory_used"},
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lines((0, "1")), "it does not end in `# EOF`"),
        (lines((0, "1")) + "# EOF", "whole"),
        (lines((0, "1")) + "# EOF\n" + lines((60, "1")), "goes on after `# EOF`"),
        ("memory_used 1\n# EOF\n", "memory_used has no timestamp"),
        ("other 1\n# EOF\n", "whole"),
        (lines((0, "many")) + "# EOF\n", "after line 1: could not convert string to float: 'many'"),
        (lines((60, "1"), (0, "1")) + "# EOF\n", "after line 2: it does not come after the sample before it"),
        (lines((60, "1"), (60, "2")) + "# EOF\n", "after line 2: it does not come after the sample before it"),
        (f'memory_used{{host="a}} 1 {MIDNIGHT}\n# EOF\n', "not an OpenMetrics sample"),
        (f"memory_used{{host=a}} 1 {MIDNIGHT}\n# EOF\n", "labels of memory_used{host=a} are not readable"),
        (lines((0, "1")) + "\n# EOF\n", "not an OpenMetrics sample"),
        ("", "it does not end in `# EOF`"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_its_reason_and_nothing_is_landed(
    pull, folder: Path, landing: Landing, text: str, reason: str
) -> None:
    (folder / "broken.txt").write_text(text)
    if reason == "whole":
        pull(openmetrics=[str(folder / "broken.txt")])
        return
    with pytest.raises(SourceError, match=re.escape(reason)):
        pull(openmetrics=[str(folder / "broken.txt")])
    assert landing.newest("prometheus", "shop", "samples", DAY) is None
    assert not [path for path in Path(str(landing.root)).rglob("*") if path.is_file()]


def test_a_zip_that_was_cut_is_refused(pull, folder: Path) -> None:
    packed = gzip.compress((lines(*((60.0 * n, str(n)) for n in range(1000))) + "# EOF\n").encode())
    (folder / "cut.gz").write_bytes(packed[:-20])
    with pytest.raises(SourceError, match=r"cut\.gz"):
        pull(openmetrics=[str(folder / "cut.gz")])


def test_a_place_without_a_file_and_a_query_that_calculates_are_named(pull) -> None:
    with pytest.raises(SourceError, match="there is no file /nowhere"):
        pull(openmetrics=["/nowhere/*.om"])
    with pytest.raises(ConfigError, match=r"the query of memory\.resource is not a plain selector"):
        pull(lines((0, "1")), resources=[{**MEMORY, "query": "sum(memory_used)"}])


SECRET_URL = "ftp://user:s3cr%24t@host:8080/a/dump.om?X-Amz-Signature=abc&X-Amz-Security-Token=dG9rZW4tdG9rZW4"
SECRETS = ("s3cr", "abc", "dG9rZW4", "user:")


class Driver(AbstractFileSystem):
    """A driver of ftp:// that repeats the URL in the ways in which drivers do."""

    protocol = "ftp"
    cachable = False
    fails_at = "glob"
    error: Callable[[str], BaseException]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def unstrip_protocol(self, name: str) -> str:
        return name

    def glob(self, path: str, **_: object) -> list[str]:
        if self.fails_at == "glob":
            raise Driver.error(path)
        return [] if self.fails_at == "missing" else [path]

    def open(self, path: str, *_: object, **__: object) -> BinaryIO:
        if self.fails_at == "open":
            raise Driver.error(path)
        return io.BytesIO(b"memory_used 1\n# EOF\n")


class DriverError(Exception):
    """Such as aiohttp's, which is not an OSError."""


DRIVER_ERRORS: list[Callable[[str], BaseException]] = [
    FileNotFoundError,
    ValueError,
    ImportError,
    lambda url: DriverError(f"403, message='Forbidden', url='{url}'"),
    lambda url: OSError(f"no answer from {url.removeprefix('ftp://')}"),
    lambda url: OSError(f"s3cr$t is refused, so is the token dG9rZW4tdG9rZW4 ({url.partition('?')[2]})"),
]


@pytest.mark.parametrize(
    ("fails_at", "error"), [*itertools.product(("glob", "open"), DRIVER_ERRORS), ("missing", OSError), ("content", OSError)]
)
@pytest.mark.parametrize("prefix", ["", "simplecache::"])
def test_the_credentials_of_a_url_are_in_no_message(pull, monkeypatch, caplog, prefix: str, fails_at: str, error) -> None:
    monkeypatch.setitem(_registry, "ftp", Driver)
    monkeypatch.setattr(Driver, "error", staticmethod(error), raising=False)
    monkeypatch.setattr(Driver, "fails_at", fails_at)
    with pytest.raises(SourceError, match=r"ftp://host:8080/a/dump\.om") as caught:
        pull(openmetrics=[prefix + SECRET_URL])
    told = "".join(traceback.format_exception_only(caught.value)) + caplog.text
    assert [secret for secret in SECRETS if secret in told] == []
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_credentials_of_a_url_are_in_no_progress_and_no_manifest(make_launch, connection, landing, monkeypatch) -> None:
    monkeypatch.setitem(_registry, "ftp", Driver)
    monkeypatch.setattr(Driver, "fails_at", "never")
    monkeypatch.setattr(Driver, "open", lambda *_, **__: io.BytesIO((lines((0, "1")) + "# EOF\n").encode()))
    monkeypatch.setattr(openmetrics, "REPORT_LINES", 1)
    said: list[str] = []
    launch = make_launch(prometheus={"openmetrics": [SECRET_URL], "step_seconds": 60, "resources": [MEMORY]})
    (day,) = extract(launch, connection, Dates.of(DAY), landing, lambda what, *_: said.append(what))
    assert said == ["lines of dump.om", "samples"]
    assert day.manifest.request["files"] == ["ftp://host:8080/a/dump.om"]


EXPORT = (lines((0, "1"), (60, "2")) + "# EOF\n").encode()


@pytest.mark.parametrize(
    ("name", "zipped", "encoded"), [("a.om", False, False), ("a.om", False, True), ("a.om.gz", True, False), ("a.gz", True, True)]
)
def test_an_export_at_an_http_address_is_read_as_a_file_is(pull, api, answer, name: str, zipped: bool, encoded: bool) -> None:
    body = gzip.compress(EXPORT) if zipped else EXPORT
    api.script(answer.zipped(body, framing="chunked") if encoded else answer(body))
    url = f"{api.url}/exports/{name}?token=s3cret-s3cret"
    (day,) = pull(openmetrics=[url.replace("://", "://robot:s3cret@")])
    assert values([day]) == [(0, "1"), (60, "2")]
    assert day.manifest.request["files"] == [f"{api.url}/exports/{name}"]
    (request,) = api.requests
    assert (request.query["token"], request.headers["Authorization"]) == ("s3cret-s3cret", "Basic cm9ib3Q6czNjcmV0")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 403}, "it answered 403"),
        ({"cut": 20}, "cannot be read"),
        ({"cut": 20, "framing": "close"}, "cut short|not an OpenMetrics sample"),
        ({"headers": {"Content-Encoding": "gzip"}}, "gzip"),
    ],
)
def test_an_export_that_cannot_be_had_over_http_names_its_address_and_no_secret(pull, api, answer, landing, fault, words: str) -> None:
    api.script(answer(EXPORT, **fault))
    with pytest.raises(SourceError, match=rf"^prometheus: {api.url}/exports/a\.om.*({words})") as caught:
        pull(openmetrics=[f"{api.url}/exports/a.om?token=s3cret-s3cret".replace("://", "://robot:s3cret@")])
    assert "s3cret" not in str(caught.value)
    assert landing.newest("prometheus", "shop", "samples", DAY) is None


def test_a_line_without_an_end_is_named_with_its_number_and_the_limit(pull, folder: Path) -> None:
    (folder / "long.om").write_text(lines((0, "1")) + "x" * 3_000_000)
    with pytest.raises(SourceError, match=r"long\.om, after line 1: the next line is longer than 2 MiB"):
        pull(openmetrics=[str(folder / "long.om")])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/exports/dump-?.om", "/exports/dump-?.om"),
        ("s3://bucket/a@b.om", "s3://bucket/a@b.om"),
        ("http://host:9000/a@b.om", "http://host:9000/a@b.om"),
        ("http://user:s3/cr?t@host/a.om", "http://host/a.om"),
        ("http://token@[::1]:9000/a.om#t=s3cret", "http://[::1]:9000/a.om"),
        ("zip://a.om::http://user:s3cret@host/a.zip?s3cret", "zip://host/a.zip"),
        ("read 'http://u:s3cret@h/a', 'http://u:s3cret@h/b?s3cret'", "read 'http://h/a', 'http://h/b'"),
    ],
)
def test_what_is_shown_of_a_place(text: str, shown: str) -> None:
    assert openmetrics._public(text, ()) == shown


def test_a_manifest_that_fails_leaves_the_dates_before_it_whole(pull, landing: Landing, monkeypatch) -> None:
    written: list[UPath] = []

    def second_fails(folder: UPath, manifest: Manifest) -> None:
        written.append(folder)
        write_manifest(folder, manifest)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(landing_writer, "write_manifest", second_fails)
    with pytest.raises(KeyboardInterrupt):
        pull(lines((0, "1"), (86400, "2")), last=DAY + dt.timedelta(days=1))
    first, second = (landing.newest("prometheus", "shop", "samples", DAY + dt.timedelta(days=day)) for day in range(2))
    assert first is not None
    assert values([first]) == [(0, "1")]
    assert second is None


@pytest.mark.parametrize("query", ["sum(up)", "up offset 5m", "up[5m]", "", '{job=~".*"}', "up{job=}", 'up{job=~"("}', "a + b"])
def test_what_is_no_plain_selector(query: str) -> None:
    assert parse_selector(query) is None


def test_however_little_waits_in_memory_the_points_are_the_same(pull, monkeypatch) -> None:
    text = "".join(lines(*((47.0 * n, str(n)) for n in range(2000)), name=f'memory_used{{i="{i}"}}') for i in range(3))
    (whole,) = pull(text)
    monkeypatch.setattr(openmetrics, "WAITING", 7)
    (cut,) = pull(text)
    assert sorted(points([cut])) == sorted(points([whole]))
    assert whole.manifest.rows == len(set(points([whole]))) == 3 * 1440
    assert (whole.manifest.lines, cut.manifest.lines) == (3 * 24, 3 * 24 * 8)


def test_memory_does_not_grow_with_the_file(pull, folder: Path) -> None:
    with (folder / "long.om").open("w") as file:
        for series in range(20):
            for number in range(10_000):
                file.write(f'memory_used{{i="{series}"}} {number} {MIDNIGHT + number * 8}\n')
        file.write("# EOF\n")
    tracemalloc.start()
    try:
        (day,) = pull(openmetrics=[str(folder / "long.om")])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert day.manifest.rows == 20 * ((9_999 * 8 + 59) // 60 + 1)
    assert peak < 12_000_000 < (folder / "long.om").stat().st_size * 4


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(-400_000, 3_000_000), unique=True, max_size=60).map(sorted),
    st.sampled_from([1, 7, 60, 300]),
    st.sampled_from([None, 45, 90, 300]),
    st.integers(1, 4),
)
def test_points_are_those_of_the_definition(
    make_launch, connection, tmp_path_factory: pytest.TempPathFactory, moments: list[int], step: int, gap: int | None, files: int
) -> None:
    """`moments`: milliseconds after midnight; brute force: for each point the newest sample that is not after it, if it is fresh."""
    folder = tmp_path_factory.mktemp("exports")
    for number in range(files):
        part = moments[number * len(moments) // files : (number + 1) * len(moments) // files]
        (folder / f"{number}.om").write_text(lines(*((moment / 1000, str(moment)) for moment in part)) + "# EOF\n")
    section = {"openmetrics": [str(folder / "*.om")], "step_seconds": step, "gap_seconds": gap, "resources": [MEMORY]}
    pulls = extract(make_launch(prometheus=section), connection, Dates.of(DAY), Landing(str(folder / "landing")), silent)
    told = []
    for point in range(-MIDNIGHT % step * 1000, 4_000_000, step * 1000):
        newest = max((moment for moment in moments if moment <= point), default=None)
        if newest is not None and point - newest < min(gap or step, 300) * 1000:
            told.append((point // 1000, str(newest)))
    assert values(pulls) == told


# --- the same blocks, asked of the real server and exported ---------------------------------------------------------------


@contextmanager
def running_prometheus(folder: Path) -> Iterator[str]:
    """URL of a real server over the blocks in `folder`/data."""
    port = free_port()
    (folder / "prometheus.yml").write_text("{}")
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "prometheus.log").read_text()
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def dump(data: Path) -> str:
    """`promtool tsdb dump-openmetrics`; older versions print the same samples in another form, written here as the newer do."""
    done = subprocess.run(["promtool", "tsdb", "dump-openmetrics", str(data)], check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    (data / "wal").mkdir(exist_ok=True)
    printed = subprocess.run(["promtool", "tsdb", "dump", str(data)], check=True, capture_output=True, text=True).stdout
    form = re.compile(r'\{__name__="([^"]+)"(?:, )?(.*)\} (\S+) (\d+)')
    told = [re.sub(form, lambda m: f"{m[1]}{{{m[2]}}} {m[3]} {int(m[4]) / 1000:.3f}", line) for line in printed.splitlines()]
    return "".join(line.replace('", ', '",') + "\n" for line in told) + "# EOF\n"


def history(first: int) -> str:
    """Two days: scrapes 17 s after the minute with a jitter, two outages, a reset, NaN, infinities, a series that ends."""
    families: dict[str, list[str]] = {"up": [], "queue_depth": [], "http_requests_total": [], "latency_bucket": []}
    for minute in range(2 * 1440):
        at = first + 60 * minute + 17 + (minute * 37 % 11) / 1000
        if 600 <= minute < 660 or 900 <= minute < 903:
            continue
        for instance in "ab" if minute < 2000 else "a":
            families["up"].append(f'up{{job="shop",instance="{instance}"}} {int(minute % 97 != 5)} {at:.3f}')
        depth = {3: "NaN", 4: "+Inf", 5: "-Inf"}.get(minute, f"{minute * 1234.5678:.6f}")
        families["queue_depth"].append(f"queue_depth {depth} {at:.3f}")
        served = 7 * (minute if minute < 1000 else minute - 1000)
        for code in ("200", "500"):
            families["http_requests_total"].append(f'http_requests_total{{job="shop",code="{code}"}} {served / int(code):.9f} {at:.3f}')
        for le in ("0.1", "+Inf"):
            families["latency_bucket"].append(f'latency_bucket{{job="shop",le="{le}"}} {served} {at:.3f}')
    return "".join(f"# TYPE {name} unknown\n" + "".join(f"{line}\n" for line in told) for name, told in families.items()) + "# EOF\n"


def rows(warehouse: str, launch: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(warehouse) as session:
        found = session.execute(
            "select samples.metric_id, series.labels::text, samples.sampled_at, samples.value::text "
            "from raw.prometheus_samples as samples inner join raw.prometheus_series as series using (series_id) "
            "where samples.launch_id = %s",
            [launch],
        ).fetchall()
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.slow
@pytest.mark.needs("prometheus", "promtool")
@pytest.mark.parametrize("grid", [{"step_seconds": 60}, {"step_seconds": 300}, {"step_seconds": 15, "gap_seconds": 65}])
def test_an_export_of_the_blocks_gives_the_rows_that_the_server_gives(
    warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grid: dict[str, int]
) -> None:
    level = {
        "id": "api",
        "name": "API",
        "up": 'up{job="shop"}',
        "requests": "http_requests_total",
        "latency_buckets": 'latency_bucket{le=~".+"}',
    }
    queue = {**MEMORY, "query": "queue_depth"}
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    first = yesterday - dt.timedelta(days=1)
    (tmp_path / "history.txt").write_text(history(int(dt.datetime.combine(first, dt.time(), dt.UTC).timestamp())))
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "history.txt"), str(tmp_path / "data")]
    subprocess.run(blocks, check=True, stdout=subprocess.DEVNULL)
    (tmp_path / "export.om").write_text(dump(tmp_path / "data"))
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))

    def pulled(name: str, **section: Any) -> set[tuple[Any, ...]]:
        config = {"service_levels": [level], "resources": [queue], **grid, **section}
        owner = {"name": "Ada", "email": "ada@example.com"}
        launch = Launch.model_validate(
            {"launch": name, "name": name, "owner": owner, "date": str(first), "timezone": "UTC", "prometheus": config}
        )
        result = ingest("prometheus", launch, first, yesterday)
        assert result.quarantined == result.duplicates == 0
        return rows(warehouse, name)

    with running_prometheus(tmp_path) as url:
        monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_PROMETHEUS", url)
        served = pulled("served")
    exported = pulled("exported", openmetrics=[str(tmp_path / "export.om")])
    assert exported == served
    assert len(served) > 2 * 86400 // grid["step_seconds"] * 6 * 0.9
    assert {"NaN", "Infinity", "-Infinity"} <= {value for *_, value in served} or grid["step_seconds"] == 300
