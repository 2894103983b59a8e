from __future__ import annotations

import datetime as dt
import itertools
import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates, Interval
from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.ingest import ingest, load
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.sources.budget import UNLIMITED
from postlaunch.sources.prometheus import extract as prometheus
from postlaunch.sources.prometheus.extract import MetricQuery, RangeApi, extract, grid, metrics
from sandbox.story import Plan

FIRST = dt.date(2026, 1, 12)
SECTION: dict[str, Any] = {
    "step_seconds": 60,
    "resources": [{"id": "memory", "name": "Memory", "query": "memory_used", "unit": "ratio", "trigger": 0.9}],
}


def silent(*_: object) -> None:
    pass


def points(request: Any) -> list[int]:
    """The instants that a range query means: both ends included."""
    start, end, step = (int(request.form[name]) for name in ("start", "end", "step"))
    return list(range(start, end + 1, step))


def matrix(*series: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(series)}, **more}).encode()


@pytest.fixture
def pull(make_launch, connection, landing) -> Callable[..., list[Pull]]:
    def run(first: dt.date = FIRST, last: dt.date = FIRST, **section: Any) -> list[Pull]:
        return extract(make_launch(prometheus={**SECTION, **section}), connection, Dates(first, last), landing, silent)

    return run


Series = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture
def serve(api, answer) -> Callable[..., None]:
    """Let the server answer with the series that `values` makes of a request, and `old` of the query for points that are too old."""

    def serve(values: Series, old: Series = lambda _: []) -> None:
        api.answer = lambda request: answer(matrix(*(old if "timestamp(" in request.form["query"] else values)(request)))

    return serve


@pytest.fixture
def gauges(serve) -> Callable[[int], None]:
    """Let the server know so many series of every query, with a sample at every instant."""
    return lambda count: serve(
        lambda request: [{"metric": {"i": str(i)}, "values": [[t, "1"] for t in points(request)]} for i in range(count)]
    )


def samples(pulls: list[Pull]) -> list[tuple[str, int]]:
    blocks = [json.loads(line) for pull in pulls for batch in pull.batches() for line in batch.lines]
    return [(block["labels"].get("i", ""), moment) for block in blocks for moment, _ in block["values"]]


def test_a_day_is_every_instant_of_its_grid_once(pull, gauges) -> None:
    gauges(2)
    start = int(dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC).timestamp())
    expected = [(str(i), start + 60 * number) for i in range(2) for number in range(1440)]
    assert sorted(samples(pull())) == expected


def test_no_chunk_asks_for_more_than_eleven_thousand_points(pull, gauges, api) -> None:
    gauges(1)
    assert pull(step_seconds=1)[0].manifest.rows == 86400
    assert max(len(points(request)) for request in api.requests) <= 11_000


@pytest.mark.parametrize("count", [20, 150, 200, 300])
def test_many_series_make_small_answers_the_first_among_them(pull, gauges, api, monkeypatch, count: int) -> None:
    monkeypatch.setattr(prometheus, "ANSWER_SAMPLES", 2000)
    gauges(count)
    (day,) = pull()
    assert (day.manifest.rows, day.manifest.lines) == (count * 1440, count * 24)
    sizes = [len(points(request)) for request in api.requests if request.form["query"] == "memory_used"]
    assert max(sizes[1:]) <= 2000 // count
    assert sizes[0] == 10


def test_few_series_are_asked_for_in_two_chunks_and_later_days_in_one(pull, gauges, api) -> None:
    gauges(3)
    pull(FIRST, FIRST + dt.timedelta(days=1))
    assert [len(points(request)) for request in api.requests if request.form["query"] == "memory_used"] == [10, 1430, 1440]


def test_series_that_appear_in_the_middle_of_a_chunk_do_not_make_it_too_large(pull, serve, api, monkeypatch) -> None:
    """One series in the morning, forty from noon on: what is too much is not read, and asked for in smaller chunks."""
    noon = int(dt.datetime(2026, 1, 12, 17, tzinfo=dt.UTC).timestamp())
    parsed: list[int] = []
    read = prometheus._json

    def counting(body: bytes) -> Any:
        parsed.append(bytes(body).count(b'"]'))
        return read(body)

    monkeypatch.setattr(prometheus, "_json", counting)
    monkeypatch.setattr(prometheus, "ANSWER_SAMPLES", 2000)
    serve(
        lambda request: [
            {"metric": {"i": str(i)}, "values": [[t, "1"] for t in points(request) if not i or t >= noon]}
            for i in range(40 if points(request)[-1] >= noon else 1)
        ]
    )
    (day,) = pull()
    found = samples([day])
    assert len(found) == len(set(found)) == 1440 + 39 * 720
    assert day.manifest.lines == 24 + 39 * 12
    assert max(parsed) <= 2 * 2000
    assert 2 <= len(api.requests) - len(parsed) <= 4, "a few answers are given up"


def test_one_instant_is_read_whole_however_many_series_there_are(pull, gauges, api, monkeypatch) -> None:
    monkeypatch.setattr(prometheus, "ANSWER_SAMPLES", 5)
    gauges(20)
    assert pull(step_seconds=1800)[0].manifest.rows == 20 * 48
    assert {len(points(request)) for request in api.requests[-20:]} == {1}


def holes(request: Any) -> list[dict[str, Any]]:
    """Series that begin, end, pause within a block, or say nothing of a day."""
    rules = {"all": lambda _: True, "late": lambda m: m > 95, "early": lambda m: m < 95, "some": lambda m: m % 7, "never": lambda _: False}
    return [
        {"metric": {"i": name}, "values": [[t, f"{t % 97}.5"] for t in points(request) if rule(t // 60 % 1440)]}
        for name, rule in rules.items()
    ]


@pytest.mark.parametrize("first", [1, 10, 120])
@pytest.mark.parametrize("most", [1, 40, 100, 400, 3000])
def test_the_landed_lines_of_a_day_do_not_depend_on_how_it_was_cut(pull, serve, monkeypatch, first: int, most: int) -> None:
    serve(holes)
    monkeypatch.setattr(prometheus, "FIRST_POINTS", 1500)
    whole = pull()[0].manifest
    monkeypatch.setattr(prometheus, "FIRST_POINTS", first)
    monkeypatch.setattr(prometheus, "ANSWER_SAMPLES", most)
    cut = pull()[0].manifest
    assert (cut.content_hash, cut.rows, cut.lines) == (whole.content_hash, whole.rows, whole.lines)


def test_a_day_of_25_hours_has_25_hours_of_samples(pull, gauges) -> None:
    gauges(1)
    days = pull(dt.date(2025, 11, 1), dt.date(2025, 11, 3))
    assert [day.manifest.rows for day in days] == [1440, 1500, 1440]
    assert len(set(samples(days))) == 1440 + 1500 + 1440


def test_values_stay_what_prometheus_said(pull, serve) -> None:
    strange = ["NaN", "+Inf", "-Inf", "1e-300", "0.1"]
    first = 1768194000
    serve(lambda request: [{"metric": {}, "values": [[t, strange[(t - first) // 60]] for t in points(request) if t < first + 300]}])
    block = json.loads(next(iter(pull()[0].batches())).lines[0])
    assert [value for _, value in block["values"]] == strange
    assert block["metric_id"] == "memory.resource"


def test_missing_samples_stay_missing(pull, serve) -> None:
    serve(lambda request: [{"metric": {}, "values": [[t, "1"] for t in points(request) if t % 3600]}])
    assert pull()[0].manifest.rows == 1440 - 24


def test_points_that_repeat_an_old_sample_are_left_out_of_their_series_and_counted(pull, serve) -> None:
    serve(
        lambda request: [{"metric": {"__name__": "m", "i": i}, "values": [[t, "1"] for t in points(request)]} for i in "ab"],
        lambda request: [{"metric": {"i": "b"}, "values": [[t, "60"] for t in points(request) if t % 3600 == 0]}],
    )
    (day,) = pull()
    found = samples([day])
    assert (found.count(("b", 1768194000)), found.count(("b", 1768194060)), found.count(("a", 1768194000))) == (0, 1, 1)
    assert len(found) == 2 * 1440 - 24
    (warning,) = day.manifest.warnings
    assert warning.startswith("memory.resource: 24 points left out, their newest sample was 60 s old or older")


def test_how_old_a_sample_may_be_is_a_step_or_what_the_launch_says_and_never_more_than_the_look_back(pull, gauges, api) -> None:
    gauges(1)
    for section, seconds in (({}, 60), ({"gap_seconds": 90}, 90), ({"step_seconds": 3600}, 300)):
        api.requests.clear()
        pull(**section)
        assert {request.form["query"] for request in api.requests} == {
            "memory_used", f"time() - timestamp(memory_used) >= {seconds}"
        }  # fmt: skip


RESOURCE = {"id": "memory", "name": "Memory", "unit": "ratio", "trigger": 0.9}


@pytest.fixture
def spelled(api, answer) -> Callable[[str | None], None]:
    """A server that spells every query as it is told to (None: it has no such call), and whose points are old at every second instant."""

    def serve(formatted: str | None) -> None:
        def reply(request: Any) -> Any:
            if request.path.endswith("/format_query"):
                return answer(b"404", 404) if formatted is None else answer(json.dumps({"status": "success", "data": formatted}).encode())
            instants = points(request)[1::2] if "timestamp(" in request.form["query"] else points(request)
            return answer(matrix({"metric": {}, "values": [[t, "1"] for t in instants]}))

        api.answer = reply

    return serve


@pytest.mark.parametrize(
    ("query", "formatted"),
    [
        ("(memory_used)", "(memory_used)"),
        ("((memory_used{a='b'}))", '((memory_used{a="b"}))'),
        ("memory_used # of all hosts", "memory_used"),
        ("memory_used{host=`a\\d`}", 'memory_used{host="a\\\\d"}'),
        ('memory_used{code=~"2(?i)"}', 'memory_used{code=~"2(?i)"}'),
        ('{__name__=~"memory_.*"}', '{__name__=~"memory_.*"}'),
        ("(memory_used) # of a server that cannot say", None),
    ],
)
def test_points_that_only_repeat_an_old_sample_leave_however_the_selector_is_spelled(
    pull, spelled, query: str, formatted: str | None
) -> None:
    spelled(formatted)
    (day,) = pull(resources=[{**RESOURCE, "query": query}])
    assert day.manifest.rows == 720
    assert "720 points left out" in day.manifest.warnings[0]


@pytest.mark.parametrize("query", ["sum(memory_used)", "memory_used[5m]", "(a) or (b)", "rate(memory_used[5m] offset 1h)"])
def test_an_expression_has_no_samples_of_its_own_to_be_old(pull, spelled, api, query: str) -> None:
    spelled(query)
    (day,) = pull(resources=[{**RESOURCE, "query": query}])
    assert (day.manifest.rows, day.manifest.warnings) == (1440, [])
    assert len([request for request in api.requests if request.path.endswith("/format_query")]) == 1


@pytest.mark.parametrize("formatted", ["memory_used offset 5m", None])
def test_a_selector_that_looks_at_another_time_is_not_judged_and_it_is_said_so(pull, spelled, formatted: str | None) -> None:
    spelled(formatted)
    (day,) = pull(resources=[{**RESOURCE, "query": "memory_used offset 5m"}])
    assert day.manifest.rows == 1440
    assert day.manifest.warnings == [
        "memory.resource: points that only repeat an old sample are not left out, because the query looks at another time"
    ]


def test_series_of_two_names_whose_age_the_server_cannot_tell_are_refused_by_name(pull, api, answer) -> None:
    def reply(request: Any) -> Any:
        if request.path.endswith("/format_query"):
            return answer(json.dumps({"status": "success", "data": request.form["query"]}).encode())
        if "timestamp(" in request.form["query"]:
            return answer(b'{"status":"error","errorType":"execution","error":"vector cannot contain metrics with the same labelset"}', 422)
        return answer(matrix(*({"metric": {"__name__": name}, "values": [[t, "1"] for t in points(request)]} for name in "ab")))

    api.answer = reply
    with pytest.raises(SourceError, match=r"refuses the query of memory\.resource: vector cannot contain metrics with the same labelset"):
        pull(resources=[{**RESOURCE, "query": '{__name__=~"a|b"}'}])


LEVEL = {"id": "api", "name": "API", "up": "up", "requests": "requests_total", "latency_buckets": "latency_seconds"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"status": "error", "errorType": "bad_data", "error": "parse error"}, "refuses the query of api.requests: parse error"),
        (422, {"status": "error", "errorType": "execution", "error": "too many"}, "refuses the query of api.requests: too many"),
        (503, {"status": "error", "errorType": "timeout", "error": "timed out"}, "gave the query of api.requests up: timed out"),
    ],
)
def test_a_query_that_fails_costs_its_metric_alone_and_says_so(
    pull, api, answer, gauges, status: int, body: dict[str, str], words: str
) -> None:
    gauges(1)
    well = api.answer
    api.answer = lambda request: answer(json.dumps(body).encode(), status) if "requests_total" in request.form["query"] else well(request)
    (day,) = pull(service_levels=[LEVEL])
    assert {json.loads(line)["metric_id"] for batch in day.batches() for line in batch.lines} == {
        "api.up", "api.latency_buckets", "memory.resource"
    }  # fmt: skip
    assert [warning for warning in day.manifest.warnings if words in warning and warning.startswith("api.requests was not pulled")]
    assert day.manifest.rows == 3 * 1440


def test_an_instant_that_is_too_large_costs_its_metric_alone_and_says_what_to_do(pull, api, answer, gauges, monkeypatch) -> None:
    monkeypatch.setattr(prometheus, "MOST_ANSWER_BYTES", 3 << 20)
    gauges(1)
    well = api.answer
    huge = answer.zipped(b'{"status":"success","data":{"resultType":"matrix","result":[' + b" " * 40_000_000)
    api.answer = lambda request: huge if request.form["query"] == "up" else well(request)
    (day,) = pull(service_levels=[LEVEL])
    assert day.manifest.rows == 3 * 1440
    assert "answers the query of api.up with more than 3 MiB at one instant" in day.manifest.warnings[0]


def native(observed: list[float], schema: int) -> dict[str, Any]:
    """The answer of a server for these observations: exponential buckets of a schema, (base^(i-1), base^i], the empty ones left out.

    Written from https://prometheus.io/docs/specs/native_histograms/: the base is 2^(2^-schema).
    """
    counts: dict[int, int] = {}
    for value in observed:
        index = math.ceil(math.log2(value) * 2**schema - 1e-12)
        counts[index] = counts.get(index, 0) + 1
    bound = lambda index: repr(2 ** (index / 2**schema))  # noqa: E731
    buckets = [[0, bound(index - 1), bound(index), str(count)] for index, count in sorted(counts.items())]
    return {"count": str(len(observed)), "sum": str(sum(observed)), "buckets": buckets}


@pytest.mark.parametrize("schema", [0, 1, 3, 5])
def test_native_histograms_are_read_as_cumulative_buckets(pull, serve, schema: int) -> None:
    """A histogram that grows: what each bucket says at each instant is counted in the observations themselves."""
    random = Random(schema)
    observed = [random.lognormvariate(-2, 1) for _ in range(3000)]
    start = int(dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC).timestamp())

    def series(request: Any) -> list[dict[str, Any]]:
        if request.form["query"] != "latency_seconds":
            return []
        told = [[t, native(observed[: 2 * ((t - start) // 60) + 2], schema)] for t in points(request)]
        return [{"metric": {"__name__": "latency_seconds", "job": "api"}, "histograms": told}]

    serve(series)
    (day,) = pull(service_levels=[LEVEL])
    found: dict[float, dict[int, float]] = {}
    for batch in day.batches():
        for block in map(json.loads, batch.lines):
            assert (block["metric_id"], block["labels"]["job"]) == ("api.latency_buckets", "api")
            found.setdefault(float(block["labels"]["le"]), {}).update((moment, float(value)) for moment, value in block["values"])
    for number in (0, 1, 500, 1439):
        seen = observed[: 2 * number + 2]
        for le, values in found.items():
            count = sum(value <= le for value in seen)
            if schema or math.log2(le).is_integer() or math.isinf(le):  # a bound of the native buckets too
                assert values.get(start + 60 * number, 0) == count, (le, number)
            else:
                below, above = (sum(value <= le * half for value in seen) for half in (0.5**0.5, 2**0.5))
                assert below <= values.get(start + 60 * number, 0) <= above
    assert all(list(values.values()) == sorted(values.values()) for values in found.values()), "no bucket ever falls"
    last = start + 1439 * 60
    assert [found[le][last] for le in sorted(found)] == sorted(found[le][last] for le in found), "they are cumulative"


def test_a_bound_never_appears_in_the_middle_of_a_day_with_what_was_counted_before_it(pull, serve) -> None:
    """One slow answer in the afternoon: the buckets above the fast ones were there all day, and grow by one."""
    start = int(dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC).timestamp())

    def series(request: Any) -> list[dict[str, Any]]:
        told = [[t, native([0.1] * 1000 + [9.0] * (t >= start + 36_000), 3)] for t in points(request)]
        return [{"metric": {}, "histograms": told}] if request.form["query"] == "latency_seconds" else []

    serve(series)
    (day,) = pull(service_levels=[LEVEL])
    blocks = [json.loads(line) for batch in day.batches() for line in batch.lines]
    first = {float(block["labels"]["le"]): float(block["values"][0][1]) for block in blocks if block["values"][0][0] == start}
    assert {le for le in first if le > 8} == {float(block["labels"]["le"]) for block in blocks if float(block["labels"]["le"]) > 8}
    assert {first[le] for le in first if le > 0.15} == {1000}


def test_native_histograms_where_a_number_is_wanted_cost_that_metric_alone(pull, serve) -> None:
    def series(request: Any) -> list[dict[str, Any]]:
        if request.form["query"] == "up":
            return [{"metric": {}, "histograms": [[t, native([1.0], 3)] for t in points(request)]}]
        return [{"metric": {}, "values": [[t, "1"] for t in points(request)]}]

    serve(series)
    (day,) = pull(service_levels=[LEVEL])
    assert day.manifest.rows == 3 * 1440
    assert "the query of api.up gives native histograms, and numbers are wanted" in day.manifest.warnings[0]


def test_every_call_is_taken_from_the_budget_and_a_pause_holds_for_all(make_launch, connection, landing, api, answer) -> None:
    class Counting:
        taken, paused = 0, 0.0

        def take(self) -> None:
            self.taken += 1

        def pause(self, seconds: float) -> float:
            self.paused += seconds
            return seconds

    budget = Counting()
    api.script(answer(b"busy", 429, {"Retry-After": "0.01"}), answer(matrix()))
    extract(make_launch(prometheus=SECTION), connection, Dates.of(FIRST), landing, silent, budget)
    assert (budget.taken, budget.paused) == (len(api.requests), 0.01)


def test_warnings_of_the_server_are_kept_in_the_manifest(pull, api, answer) -> None:
    api.script(answer(matrix(warnings=["PromQL is odd"])))
    assert pull()[0].manifest.warnings == ["memory.resource: PromQL is odd"]


def test_the_queries_of_a_launch_have_ids_by_subject_and_kind(make_launch) -> None:
    level = {"id": "api", "name": "API", "up": "up", "requests": "requests_total", "latency_buckets": "seconds_bucket"}
    launch = make_launch(prometheus={**SECTION, "service_levels": [level]})
    assert {metric.metric_id: metric.query for metric in metrics(launch)} == {
        "api.up": "up",
        "api.requests": "requests_total",
        "api.latency_buckets": "seconds_bucket",
        "memory.resource": "memory_used",
    }


def test_basic_authentication_is_sent(pull, gauges, api) -> None:
    gauges(1)
    pull()
    assert api.requests[0].headers["Authorization"].startswith("Basic ")
    assert api.requests[0].method == "POST"


def test_a_query_that_the_server_refuses_names_the_metric_and_the_place_to_fix_it(pull, api, answer) -> None:
    api.script(answer(b'{"status":"error","errorType":"bad_data","error":"parse error"}', 400))
    with pytest.raises(SourceError, match=r"refuses the query of memory\.resource: parse error; fix it in the launch file"):
        pull()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(pull, api, answer, status: int) -> None:
    api.script(answer(b"busy", status), answer(matrix()))
    assert pull()[0].manifest.rows == 0


def test_a_cut_answer_is_asked_for_again(pull, api, answer) -> None:
    api.script(answer(matrix(), cut=10), answer(matrix()))
    assert pull()[0].manifest.rows == 0


def test_refused_credentials_fail_at_once(pull, api, answer) -> None:
    api.script(answer(b"no", 401))
    with pytest.raises(SourceAuthError, match="AIRFLOW_CONN_POSTLAUNCH_SOURCE"):
        pull()
    assert len(api.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status":"success","data":{"resultType":"vector","result":[]}}'])
def test_anything_but_a_matrix_is_garbage_and_lands_nothing(pull, api, answer, landing, body: bytes) -> None:
    api.script(answer(body))
    with pytest.raises(SourceError, match="did not answer with a matrix in JSON"):
        pull()
    assert landing.newest("prometheus", "shop", "samples", FIRST) is None


@pytest.mark.parametrize("series", ["no object", {"values": []}, {"metric": {}}, {"metric": {}, "histograms": []}])
def test_a_series_that_is_none_is_garbage(pull, serve, series: Any) -> None:
    serve(lambda _: [series])
    with pytest.raises(SourceError, match="did not answer with a matrix in JSON"):
        pull()


def test_a_sample_whose_time_cannot_be_read_is_left_to_the_loader(pull, serve, api) -> None:
    serve(lambda request: [{"metric": {}, "values": [["yesterday", "1"], *([t, "1"] for t in points(request)), 7]}])
    (day,) = pull()
    calls = sum("timestamp(" not in request.form["query"] for request in api.requests)
    assert day.manifest.rows == 1440 + 2 * calls


def test_an_answer_about_other_times_is_refused(pull, serve, landing) -> None:
    serve(lambda _: [{"metric": {}, "values": [[1768194000, "1"]]}])  # the first instant of the day, whatever is asked
    with pytest.raises(SourceError, match="answers with other times than"):
        pull()
    assert landing.newest("prometheus", "shop", "samples", FIRST) is None


@given(st.integers(0, 10**9), st.lists(st.integers(1, 5000), min_size=1, max_size=8), st.integers(1, 3600))
def test_the_grids_of_adjacent_windows_tile(start: int, lengths: list[int], step: int) -> None:
    edges = [start]
    for length in lengths:
        edges.append(edges[-1] + length)
    moments = [dt.datetime.fromtimestamp(edge, dt.UTC) for edge in edges]

    def instants(window: Interval) -> list[int]:
        first, count = grid(window, step)
        return list(range(first, first + count * step, step))

    pieces = [moment for window in itertools.pairwise(moments) for moment in instants(Interval(*window))]
    assert pieces == instants(Interval(moments[0], moments[-1]))


# --- against the simulated server -----------------------------------------------------------------------------------------

PLAN = Plan(dt.date(2026, 1, 12))
OUTAGE = PLAN.at(12, 22)  # the story's Prometheus is down for an hour
SELECTORS = (
    'up{job="emr-api"}', "redis_memory_used_ratio", 'http_requests_total{code=~"4..|5.."}', "kafka_consumergroup_lag"
)  # fmt: skip


def landed_points(pull: Pull) -> list[tuple[str, int, str]]:
    blocks = [json.loads(line) for batch in pull.batches() for line in batch.lines]
    return [(json.dumps(block["labels"]), moment, value) for block in blocks for moment, value in block["values"]]


def one_big_query(url: str, selector: str, start: int, points: int, step: int, fresh: int) -> set[tuple[str, int, str]]:
    """What one call answers, less the points whose sample was too old by `timestamp(...)`: nothing of this is our connector's."""

    def ask(query: str) -> list[dict[str, Any]]:
        form = {"query": query, "start": start, "end": start + (points - 1) * step, "step": step}
        result: list[dict[str, Any]] = httpx.post(f"{url}/api/v1/query_range", data=form).json()["data"]["result"]
        return result

    def key(labels: dict[str, str]) -> str:
        return json.dumps(dict(sorted(labels.items())))

    times = {(key(each["metric"]), moment): float(scraped) for each in ask(f"timestamp({selector})") for moment, scraped in each["values"]}
    return {
        (key(each["metric"]), moment, value)
        for each in ask(selector)
        for moment, value in each["values"]
        if moment - times[key({name: text for name, text in each["metric"].items() if name != "__name__"}), moment] < fresh
    }


@settings(max_examples=30, deadline=None)
@given(
    start=st.integers(OUTAGE - 20_000, OUTAGE + 5000),
    seconds=st.integers(1, 30_000),
    step=st.sampled_from([15, 60, 61, 300, 420, 1000]),
    gap=st.sampled_from([None, 30, 60, 90, 300]),
    sizes=st.tuples(st.integers(1, 200), st.integers(10, 5000)),
    selector=st.sampled_from(SELECTORS),
)
def test_however_a_window_is_cut_it_holds_what_one_big_query_says_once(
    module_apis: str,
    tmp_path_factory: pytest.TempPathFactory,
    start: int,
    seconds: int,
    step: int,
    gap: int | None,
    sizes: tuple[int, int],
    selector: str,
) -> None:
    section = {"step_seconds": step, "gap_seconds": gap}
    launch = Launch.model_validate(
        {"launch": "shop", "name": "Shop", "owner": {"name": "A", "email": "a@b.c"}, "date": "2026-01-12", "timezone": "UTC",
         "prometheus": section}
    )  # fmt: skip
    assert launch.prometheus is not None
    window = Interval(dt.datetime.fromtimestamp(start, dt.UTC), dt.datetime.fromtimestamp(start + seconds, dt.UTC))
    writer = PartitionWriter(Landing(str(tmp_path_factory.mktemp("l"))), "prometheus", "shop", "samples", FIRST, new_pull_id(), window)
    with pytest.MonkeyPatch.context() as patch, RangeApi(get_connection("postlaunch_prometheus"), launch.prometheus, UNLIMITED) as api:
        patch.setattr(prometheus, "FIRST_POINTS", sizes[0])
        patch.setattr(prometheus, "ANSWER_SAMPLES", sizes[1])
        prometheus._land(writer, api, MetricQuery("m.up", selector), window)
    found = landed_points(writer.finalise({}))
    first, count = grid(window, step)
    told = one_big_query(f"{module_apis}/prometheus", selector, first, count, step, min(gap or step, 300)) if count else set()
    assert len(found) == len(set(found))
    assert set(found) == told


@pytest.fixture
def story(apis: str, warehouse: str, tmp_path, monkeypatch) -> Launch:
    """A launch of the simulated server, sampled every minute."""
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    resource = {"id": "memory", "name": "Memory", "query": "redis_memory_used_ratio", "unit": "ratio", "trigger": 0.9}
    section = {"resources": [resource]}
    owner = {"name": "Ada", "email": "ada@example.com"}
    return Launch.model_validate(
        {"launch": "shop", "name": "Shop", "owner": owner, "date": "2026-01-12", "timezone": "America/New_York", "prometheus": section}
    )


def gaps(warehouse: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(warehouse) as session:
        return session.execute(
            "select sample_date, metric_id, extract(epoch from starts_at)::bigint, extract(epoch from ends_at)::bigint, missing_count "
            "from raw.prometheus_gaps order by 1, 3"
        ).fetchall()


def test_an_hour_without_scrapes_is_sixty_missing_points_and_one_gap(story: Launch, warehouse: str) -> None:
    day = PLAN.date_of(12)
    result = ingest("prometheus", story, day, day)
    assert result.loaded == 1440 - 60
    assert gaps(warehouse) == [(day, "memory.resource", OUTAGE, OUTAGE + 3600, 60)]
    with psycopg.connect(warehouse) as session:
        (warnings,) = session.execute("select warnings from ops.partition_loads").fetchone() or ([],)
    assert [warning.split(", ")[0] for warning in warnings] == ["memory.resource: 4 points left out"]


def test_gaps_are_those_of_the_days_as_they_are_loaded_now(story: Launch, warehouse: str) -> None:
    day = PLAN.date_of(12)
    before, after = day - dt.timedelta(days=1), day + dt.timedelta(days=1)
    midnight, next_midnight = (int(story.day_start(date).timestamp()) for date in (day, after))
    ingest("prometheus", story, before, before)
    ingest("prometheus", story, after, after)
    assert gaps(warehouse) == [(before, "memory.resource", midnight, next_midnight, 1440)]
    ingest("prometheus", story, day, day)
    one_hour = [(day, "memory.resource", OUTAGE, OUTAGE + 3600, 60)]
    assert gaps(warehouse) == one_hour
    load("prometheus", story, before, after)
    assert gaps(warehouse) == one_hour
