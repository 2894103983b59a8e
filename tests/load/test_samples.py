from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, new_pull_id
from postlaunch.load.loader import Loader, LoadResult
from postlaunch.load.samples import samples_in_line
from tests.load.conftest import counts

DAY = dt.date(2026, 1, 12)
MIDNIGHT = int(dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC).timestamp())
LAUNCH = Launch.model_validate(
    {
        "launch": "shop",
        "name": "Shop",
        "owner": {"name": "Ada", "email": "ada@example.com"},
        "date": "2026-01-12",
        "timezone": "America/New_York",
        "prometheus": {},
    }
)


def block(*values: Any, metric: str = "api.up", **labels: str) -> bytes:
    return json.dumps({"metric_id": metric, "labels": labels, "values": list(values)}).encode()


def sample(minute: int, value: str = "1") -> list[Any]:
    return [MIDNIGHT + 60 * minute, value]


@pytest.fixture
def load(warehouse: str, tmp_path: Path) -> Callable[..., LoadResult]:
    landing = Landing(str(tmp_path / "landing"))

    def run(*lines: bytes) -> LoadResult:
        writer = PartitionWriter(landing, "prometheus", "shop", "samples", DAY, new_pull_id(), LAUNCH.window(Dates.of(DAY)))
        for line in lines:
            writer.write(line, samples_in_line(line))
        with Loader(LAUNCH) as loader:
            return loader.load(writer.finalise({}))

    return run


def test_samples_become_rows_of_their_series(load, query) -> None:
    assert counts(load(block(sample(0), sample(1, "0"), i="a"), block(sample(0, "2.5"), i="b"))) == (3, 3, 0, 0)
    assert query(
        "select labels ->> 'i', extract(epoch from sampled_at)::bigint, value, sample_date "
        "from raw.prometheus_samples inner join raw.prometheus_series using (series_id) order by 1, 2"
    ) == [("a", MIDNIGHT, 1.0, DAY), ("a", MIDNIGHT + 60, 0.0, DAY), ("b", MIDNIGHT, 2.5, DAY)]


def test_not_a_number_and_infinities_are_kept(load, query) -> None:
    load(block(sample(0, "NaN"), sample(1, "+Inf"), sample(2, "-Inf")))
    values = [row[0] for row in query("select value from raw.prometheus_samples order by sampled_at")]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_a_series_keeps_its_id_whatever_the_order_of_its_labels(load, query) -> None:
    load(block(sample(0), a="1", b="2"))
    load(block(sample(1), b="2", a="1"))
    assert query("select count(*) from raw.prometheus_series") == [(1,)]


def test_one_set_of_labels_under_two_metrics_is_two_series(load, query) -> None:
    load(block(sample(0)), block(sample(0), metric="api.requests"))
    assert query("select metric_id from raw.prometheus_series order by 1") == [("api.requests",), ("api.up",)]


def test_a_repeated_block_is_counted_as_duplicates(load) -> None:
    assert counts(load(block(sample(0), sample(1)), block(sample(0), sample(1)))) == (4, 2, 2, 0)


def test_bad_samples_and_bad_lines_cost_only_themselves(load, query) -> None:
    broken = b'{"metric_id":"api.up"'
    result = load(block(sample(0), sample(1, "many"), sample(-1), sample(1440), [None, "1"]), broken, block(sample(2), sample(3), l="\0"))
    assert counts(result) == (8, 1, 0, 7)
    reasons = query("select reason, line_number from quarantine.records order by record_id")
    assert [number for _, number in reasons] == [2, 3, 1, 1, 1, 1]
    assert [reason.split(":")[0] for reason, number in reasons if number == 1] == [
        "unreadable sample",
        "outside the partition",
        "outside the partition",
        "unreadable sample",
    ]


def test_a_refused_sample_is_kept_with_its_series(load, query) -> None:
    load(block(sample(1, "many"), i="a"))
    assert json.loads(query("select raw_line from quarantine.records")[0][0]) == {
        "metric_id": "api.up",
        "labels": {"i": "a"},
        "values": [sample(1, "many")],
    }


def test_loading_a_date_again_replaces_it_and_the_same_content_changes_nothing(load, query) -> None:
    load(block(sample(0), sample(1)))
    assert load(block(sample(2))).is_changed
    assert not load(block(sample(2))).is_changed
    assert query("select count(*) from raw.prometheus_samples") == [(1,)]
