"""The simulated Prometheus answers range queries as the real server does: inclusive ends, gaps, look-back, limits, errors."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import math
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sandbox.apis import Limits, create_app
from sandbox.apis.promql import PromqlError, parse_duration, parse_selector
from sandbox.story import Plan, truth

LAUNCH_DATE = dt.date(2026, 1, 12)
CLOCK = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
PLAN = Plan(LAUNCH_DATE)
RANGE = "/prometheus/api/v1/query_range"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A client of simulators with their clock stopped."""
    return TestClient(create_app(tmp_path_factory.mktemp("sandbox"), launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none()))


def matrix(client: TestClient, query: str, start: float, end: float, step: Any = 300) -> list[dict[str, Any]]:
    response = client.get(RANGE, params={"query": query, "start": start, "end": end, "step": step})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]["result"]
    return found


def test_both_ends_of_the_range_are_inclusive(client: TestClient) -> None:
    start = PLAN.at(20)
    (first, second) = matrix(client, 'up{job="emr-api"}', start, start + 900)
    assert [time for time, _ in first["values"]] == [start, start + 300, start + 600, start + 900]
    assert (first["metric"]["instance"], second["metric"]["instance"]) == ("api-1:8080", "api-2:8080")
    assert first["values"][0][1] == "1"


def test_get_post_rfc3339_and_durations_say_the_same(client: TestClient) -> None:
    query = {"query": "http_requests_total", "start": "2026-02-01T00:00:00Z", "end": "2026-02-01T01:00:00+00:00", "step": "5m"}
    by_get, by_post = client.get(RANGE, params=query), client.post(RANGE, data=query)
    seconds = matrix(client, "http_requests_total", 1769904000, 1769907600)
    assert by_get.json() == by_post.json()
    assert by_get.json()["data"] == {"resultType": "matrix", "result": seconds}
    assert len(seconds) == 6


def test_chunks_add_up_to_the_whole_range(client: TestClient) -> None:
    start, step = PLAN.at(36), 300
    whole = matrix(client, "http_request_duration_seconds_bucket", start, start + 2 * 86_400 - step)
    parts = [
        matrix(client, "http_request_duration_seconds_bucket", start + day * 86_400, start + (day + 1) * 86_400 - step) for day in (0, 1)
    ]
    for number, series in enumerate(whole):
        assert series["values"] == parts[0][number]["values"] + parts[1][number]["values"]


def test_eleven_thousand_steps_are_the_most(client: TestClient) -> None:
    start = PLAN.at(0)
    assert len(matrix(client, 'up{instance="api-1:8080"}', start, start + 11_000, 1)[0]["values"]) == 11_001
    response = client.get(RANGE, params={"query": "up", "start": start, "end": start + 11_001, "step": 1})
    assert response.status_code == 400
    assert (response.json()["errorType"], "11,000 points" in response.json()["error"]) == ("bad_data", True)


def test_after_the_server_died_the_last_sample_stands_for_five_minutes(client: TestClient) -> None:
    gap = PLAN.at(12, 22)
    (series,) = matrix(client, "redis_memory_used_ratio", gap - 120, gap + 3660, 60)
    values = dict(series["values"])
    assert [time for time in values if gap <= time < gap + 3600] == [gap, gap + 60, gap + 120, gap + 180]
    assert len({values[gap + offset] for offset in (-60, 0, 60, 120, 180)}) == 1
    assert gap + 3600 in values


def test_timestamp_says_when_a_sample_was_scraped_and_the_age_query_finds_the_repeated_ones(client: TestClient) -> None:
    gap = PLAN.at(12, 22)
    (scraped,) = matrix(client, "timestamp(redis_memory_used_ratio)", gap - 90, gap + 270, 60)
    assert scraped["metric"] == {"job": "emr-redis", "instance": "redis-1:9121"}
    assert [[time - gap, float(value) - gap] for time, value in scraped["values"]] == [
        [-90, -120], [-30, -60], [30, -60], [90, -60], [150, -60], [210, -60]
    ]  # fmt: skip
    (old,) = matrix(client, "time() - timestamp(redis_memory_used_ratio) >= 60", gap - 120, gap + 3660, 60)
    assert [[time - gap, value] for time, value in old["values"]] == [[0, "60"], [60, "120"], [120, "180"], [180, "240"]]
    assert matrix(client, 'time() - timestamp(up{job="emr-api"}) >= 60', PLAN.at(20), PLAN.at(21), 60) == []


def test_timestamp_loses_the_name_so_that_series_of_two_names_clash(client: TestClient) -> None:
    query = 'timestamp({__name__=~"http_request_duration_seconds_(sum|count)"})'
    response = client.get(RANGE, params={"query": query, "start": PLAN.at(20), "end": PLAN.at(20), "step": 60})
    assert (response.status_code, response.json()["errorType"]) == (422, "execution")


def test_a_dead_instance_is_stale_at_once_and_its_up_is_zero(client: TestClient) -> None:
    start = PLAN.at(37, 14, 29)
    (up,) = matrix(client, 'up{instance="api-2:8080"}', start - 60, start + 12 * 60, 60)
    assert [value for _, value in up["values"]] == ["1", *["0"] * 12, "1"]
    (cpu,) = matrix(client, 'process_cpu_used_ratio{instance="api-2:8080"}', start - 60, start + 12 * 60, 60)
    assert [time for time, _ in cpu["values"]] == [start - 60, start + 12 * 60]


def test_a_sample_may_be_nan(client: TestClient) -> None:
    start = PLAN.at(29, 11)
    (lag,) = matrix(client, "kafka_consumergroup_lag", start - 60, start + 1200, 60)
    assert [value for _, value in lag["values"]].count("NaN") == 20


def test_nothing_is_known_before_the_story_and_after_the_clock(client: TestClient) -> None:
    assert matrix(client, "up", PLAN.at(-9) - 3600, PLAN.at(-9) - 300) == []
    now = int(CLOCK.timestamp())
    (series,) = matrix(client, 'up{instance="api-1:8080"}', now - 600, now + 600)
    assert [time for time, _ in series["values"]] == [now - 600, now - 300, now]


def test_the_error_ratio_of_the_answers_is_the_truth_of_the_story(client: TestClient) -> None:
    date, step = PLAN.date_of(37), 300
    first = PLAN.at(37) - step
    failed = total = 0.0
    for series in matrix(client, 'http_requests_total{job="emr-api"}', first, PLAN.at(38) - step, step):
        values = [float(value) for _, value in series["values"]]
        grown = sum(later - earlier if later >= earlier else later for earlier, later in itertools.pairwise(values))
        total += grown
        failed += grown if series["metric"]["code"].startswith("5") else 0
    assert (failed, total) == truth.requests(PLAN, date, CLOCK.timestamp(), step)
    assert 0.005 < failed / total < 0.03


def test_the_quantile_is_interpolated_within_its_bucket() -> None:
    now, date = CLOCK.timestamp(), PLAN.date_of(50)
    grown = truth.increases(PLAN, date, now, 300, name="http_request_duration_seconds_bucket")
    cumulative = {
        bound: sum(count for series, count in grown.items() if dict(series)["le"] == bound) for bound in ("0.1", "0.2", "0.3", "+Inf")
    }
    quantile = truth.latency_quantile(PLAN, 0.95, date, now, 300)
    assert 0.2 < quantile < 0.3
    share = (quantile - 0.2) / 0.1
    assert cumulative["0.2"] + share * (cumulative["0.3"] - cumulative["0.2"]) == pytest.approx(0.95 * cumulative["+Inf"])


def test_instant_queries_labels_series_and_build_information(client: TestClient) -> None:
    vector = client.get("/prometheus/api/v1/query", params={"query": 'up{job=~"emr-(db|redis)"}'}).json()["data"]
    assert vector["resultType"] == "vector"
    assert [sample["value"] for sample in vector["result"]] == [[CLOCK.timestamp(), "1"]] * 3
    assert {"__name__", "code", "instance", "job", "le"} <= set(client.get("/prometheus/api/v1/labels").json()["data"])
    assert client.get("/prometheus/api/v1/label/code/values").json()["data"] == ["200", "400", "500"]
    assert len(client.get("/prometheus/api/v1/series", params={"match[]": "up"}).json()["data"]) == 6
    assert client.get("/prometheus/api/v1/series").status_code == 400
    assert client.get("/prometheus/api/v1/status/buildinfo").json()["data"]["version"]


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ('http_requests_total{code="500"}', 2),
        ('http_requests_total{code!="500"}', 4),
        ('http_requests_total{code=~"4..|5.."}', 4),
        ('http_requests_total{code!~"2..", instance="api-1:8080"}', 2),
        ('{__name__=~"http_request_duration_seconds_(sum|count)"}', 4),
        ("http_requests_total{code='500',}", 2),
        ('up{group=""}', 6),
        ("no_such_metric", 0),
        ('http_requests_total{code=~"50"}', 0),  # a regular expression matches the whole value
    ],
)
def test_plain_selectors_are_understood(client: TestClient, selector: str, count: int) -> None:
    assert len(matrix(client, selector, PLAN.at(20), PLAN.at(20))) == count


@pytest.mark.parametrize(
    "query",
    [
        "sum(up)",
        "rate(http_requests_total[5m])",
        "up[5m]",
        "up{job=}",
        'up{job="a" code="b"}',
        '{job=~".*"}',
        "",
        'up{job=~"("}',
        "up offset 5m",
    ],
)
def test_anything_else_is_bad_data_with_the_query_in_the_message(client: TestClient, query: str) -> None:
    response = client.get(RANGE, params={"query": query, "start": 0, "end": 60, "step": 60})
    assert response.status_code == 400
    body = response.json()
    assert (body["status"], body["errorType"]) == ("error", "bad_data")
    assert repr(query) in body["error"]


@pytest.mark.parametrize("wrong", [{"step": "0"}, {"step": "often"}, {"start": "then"}, {"end": "-60"}, {"start": "60", "end": "0"}])
def test_wrong_parameters_are_bad_data(client: TestClient, wrong: dict[str, str]) -> None:
    response = client.get(RANGE, params={"query": "up", "start": "0", "end": "60", "step": "60", **wrong})
    assert (response.status_code, response.json()["errorType"]) == (400, "bad_data")


def test_durations_have_units() -> None:
    assert [parse_duration(text) for text in ("15", "0.5", "5m", "1h30m", "250ms")] == [15, 0.5, 300, 5400, 0.25]
    for text in ("", "m", "5 minutes"):
        with pytest.raises(PromqlError):
            parse_duration(text)


def test_escapes_in_a_value_are_read() -> None:
    (name, matcher) = parse_selector(r'up{path="C:\\temp \"x\""}')
    assert (name.value, matcher.value) == ("up", 'C:\\temp "x"')


def test_a_password_can_stand_before_it(tmp_path: Path) -> None:
    app = create_app(tmp_path, launch_date=LAUNCH_DATE, now=CLOCK, prometheus_auth=("scraper", "hush"))
    client = TestClient(app)
    assert client.get("/prometheus/api/v1/labels").status_code == 401
    header = {"authorization": "Basic " + base64.b64encode(b"scraper:hush").decode()}
    assert client.get("/prometheus/api/v1/labels", headers=header).status_code == 200


def test_values_are_written_as_prometheus_writes_them(client: TestClient) -> None:
    (disk,) = matrix(client, "node_filesystem_used_ratio", PLAN.at(20), PLAN.at(21))
    for _, text in disk["values"]:
        assert "e" not in text
        assert math.isclose(float(text), 0.447, abs_tol=0.01)
