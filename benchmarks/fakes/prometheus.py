"""Prometheus's query_range over series that never miss a sample; the 11,000 points of a series hold."""

from __future__ import annotations

import random
from functools import partial

from benchmarks.serve import Answer, Reply, Request

MOST_POINTS = 11_000
_POOL = 4_096


def make(series: dict[str, int]) -> Answer:
    """`series`: name of a metric -> number of its series. Any other query has an empty answer, that for old samples among them."""
    chance = random.Random(7)
    values = [f"{chance.random() * 100:.9g}" for _ in range(_POOL)]
    return partial(_answer, series, values)


def _answer(series: dict[str, int], values: list[str], request: Request) -> Reply:
    if request.path != "/api/v1/query_range":
        return Reply(b'{"status":"success","data":{"resultType":"vector","result":[]}}')
    query = request.parameters["query"]
    start, end, step = (int(float(request.parameters[name])) for name in ("start", "end", "step"))
    if (end - start) // step > MOST_POINTS:
        return Reply(b'{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points"}', status=400)
    times = range(start, end + 1, step)
    found = ",".join(_series(query, number, times, values) for number in range(series.get(query, 0)))
    return Reply(f'{{"status":"success","data":{{"resultType":"matrix","result":[{found}]}}}}'.encode())


def _series(name: str, number: int, times: range, values: list[str]) -> str:
    shift = (number * 37 + times.start // times.step) % _POOL
    if len(times) + shift > len(values):
        values = values * (1 + (len(times) + shift) // len(values))
    samples = ",".join([f'[{at},"{value}"]' for at, value in zip(times, values[shift : shift + len(times)], strict=True)])
    return f'{{"metric":{{"__name__":"{name}","instance":"host-{number:03d}","job":"bench"}},"values":[{samples}]}}'
