from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.sources import prometheus
from postlaunch.sources.landing import Pull
from postlaunch.sources.prometheus import extract, grid, metrics

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
        return extract(make_launch(prometheus={**SECTION, **section}), connection, first, last, landing, silent)

    return run


@pytest.fixture
def gauges(api, answer) -> Callable[[int], None]:
    """Let the server know so many series of every query, with a sample at every instant."""

    def serve(count: int) -> None:
        api.answer = lambda request: answer(
            matrix(*({"metric": {"i": str(i)}, "values": [[t, "1"] for t in points(request)]} for i in range(count)))
        )

    return serve


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


def test_many_series_make_small_answers(pull, gauges, api, monkeypatch) -> None:
    monkeypatch.setattr(prometheus, "ANSWER_SAMPLES", 2000)
    gauges(20)
    assert pull()[0].manifest.rows == 20 * 1440
    assert {len(points(request)) * 20 <= 2400 for request in api.requests} == {True}


def test_the_landed_lines_of_a_day_do_not_depend_on_how_it_was_cut(pull, gauges, monkeypatch) -> None:
    gauges(3)
    whole = pull()[0].manifest
    monkeypatch.setattr(prometheus, "ANSWER_SAMPLES", 400)
    cut = pull()[0].manifest
    assert (cut.content_hash, cut.rows) == (whole.content_hash, whole.rows)


def test_a_day_of_25_hours_has_25_hours_of_samples(pull, gauges) -> None:
    gauges(1)
    days = pull(dt.date(2025, 11, 1), dt.date(2025, 11, 3))
    assert [day.manifest.rows for day in days] == [1440, 1500, 1440]
    assert len(set(samples(days))) == 1440 + 1500 + 1440


def test_values_stay_what_prometheus_said(pull, api, answer) -> None:
    strange = ["NaN", "+Inf", "-Inf", "1e-300", "0.1"]
    api.answer = lambda request: answer(
        matrix({"metric": {}, "values": [[t, v] for t, v in zip(points(request)[:5], strange, strict=True)]})
    )
    block = json.loads(next(iter(pull()[0].batches())).lines[0])
    assert [value for _, value in block["values"]] == strange
    assert block["metric_id"] == "memory.resource"


def test_missing_samples_stay_missing(pull, api, answer) -> None:
    api.answer = lambda request: answer(matrix({"metric": {}, "values": [[t, "1"] for t in points(request) if t % 3600]}))
    assert pull()[0].manifest.rows == 1440 - 24


def test_warnings_of_the_server_are_kept_in_the_manifest(pull, api, answer) -> None:
    api.script(answer(matrix(warnings=["PromQL is odd"])))
    assert pull()[0].manifest.warnings == ["memory.resource: PromQL is odd"]


def test_the_queries_of_a_launch_have_ids_by_subject_and_kind(make_launch) -> None:
    level = {"id": "api", "name": "API", "up": "up", "requests": "requests_total", "latency_buckets": "seconds_bucket"}
    config = make_launch(prometheus={**SECTION, "service_levels": [level]}).prometheus
    assert {metric.metric_id: metric.query for metric in metrics(config)} == {
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


def test_a_query_that_the_server_refuses_names_the_metric_and_the_place_to_mend_it(pull, api, answer) -> None:
    api.script(answer(b'{"status":"error","errorType":"bad_data","error":"parse error"}', 400))
    with pytest.raises(SourceError, match=r"refuses the query of memory\.resource: parse error; mend it in the launch file"):
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


@given(st.integers(0, 10**9), st.lists(st.integers(1, 5000), min_size=1, max_size=8), st.integers(1, 3600))
def test_the_grids_of_adjacent_windows_tile(start: int, lengths: list[int], step: int) -> None:
    edges = [start]
    for length in lengths:
        edges.append(edges[-1] + length)
    moments = [dt.datetime.fromtimestamp(edge, dt.UTC) for edge in edges]

    def instants(window: tuple[dt.datetime, dt.datetime]) -> list[int]:
        first, count = grid(window, step)
        return list(range(first, first + count * step, step))

    pieces = [moment for window in itertools.pairwise(moments) for moment in instants(window)]
    assert pieces == instants((moments[0], moments[-1]))
