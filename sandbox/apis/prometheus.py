"""Prometheus' HTTP API over the story's series: range and instant queries of plain selectors, labels, series, build information.

As with the real server a selector answers with the newest sample of the last five minutes, and `timestamp` says how new it is.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from sandbox.apis.basic import is_allowed
from sandbox.apis.promql import PromqlError, parse_duration, parse_query, parse_selector
from sandbox.apis.world import World
from sandbox.story.machines import Bools, server_is_up
from sandbox.story.plan import DAY, FIRST_DAY, Floats, Plan
from sandbox.story.series import LOOK_BACK_MINUTES, Labels, all_series, at
from sandbox.tales import tale

MOST_POINTS = 11_000
Query = dict[str, list[str]]


class ApiError(Exception):
    """A refusal, with Prometheus' error type."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        """`kind` is the errorType of the answer."""
        super().__init__(message)
        self.status, self.kind = status, kind


def router(world: World) -> APIRouter:
    """The routes; queries by GET and by POST form."""
    routes = APIRouter(dependencies=[Depends(world.counting("prometheus"))])

    async def query(request: Request) -> Query:
        given = parse_qs(request.url.query, keep_blank_values=True)
        if request.method == "POST":
            for name, values in parse_qs((await request.body()).decode(), keep_blank_values=True).items():
                given.setdefault(name, []).extend(values)
        return given

    def answering(path: str, make: Callable[[World, Query], bytes]) -> None:
        @routes.api_route(path, methods=["GET", "POST"], name=f"prometheus {path}")
        def answer(request: Request, given: Query = Depends(query)) -> Response:  # noqa: B008
            if world.prometheus_auth and not is_allowed(request.headers.get("authorization"), *world.prometheus_auth):
                return Response("Unauthorized", status_code=401, headers={"www-authenticate": "Basic"})
            try:
                data = make(world, given | {"_label": [str(request.path_params.get("label", ""))]})
            except (ApiError, PromqlError) as error:
                return _refusal(error)
            return Response(b'{"status":"success","data":' + data + b"}", media_type="application/json")

    answering("/api/v1/query_range", _query_range)
    answering("/api/v1/query", _query)
    answering("/api/v1/format_query", _format_query)
    answering("/api/v1/labels", _labels)
    answering("/api/v1/label/{label}/values", _label_values)
    answering("/api/v1/series", _series)
    answering(
        "/api/v1/status/buildinfo",
        lambda *_: orjson.dumps({"version": "3.5.0", "revision": "sandbox", "branch": "HEAD", "goVersion": "go1.24"}),
    )
    return routes


def _refusal(error: Exception) -> JSONResponse:
    status, kind = (error.status, error.kind) if isinstance(error, ApiError) else (400, "bad_data")
    return JSONResponse({"status": "error", "errorType": kind, "error": str(error)}, status_code=status)


def _query_range(world: World, given: Query) -> bytes:
    text = _one(given, "query")
    start, end, step = _time(_one(given, "start"), "start"), _time(_one(given, "end"), "end"), parse_duration(_one(given, "step"))
    if end < start:
        raise ApiError(400, "bad_data", 'invalid parameter "end": end timestamp must not be before start time')
    if step <= 0:
        raise ApiError(
            400,
            "bad_data",
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
        )
    if (end - start) / step > MOST_POINTS:
        raise ApiError(
            400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
        )
    times: Floats = start + step * np.arange(int((end - start) / step + 1e-9) + 1, dtype=np.float64)
    labels, values, is_present = _answer(world, text, times)
    written = [_number(time) for time in times.tolist()]
    return b'{"resultType":"matrix","result":[' + b",".join(_matrix(labels, values, is_present, written)) + b"]}"


def _answer(world: World, text: str, times: Floats) -> tuple[list[Labels], Floats, Bools]:
    """Labels, values and presence of what a query finds at some times, the arrays of shape (series, times)."""
    query = parse_query(text)
    series = _known(world)
    rows = [row for row, labels in enumerate(series) if all(matcher.accepts(labels) for matcher in query.matchers)]
    values, is_present = _at(world, rows, times)
    if query.asks == "value":
        return [series[row] for row in rows], values, is_present
    labels = [{name: value for name, value in series[row].items() if name != "__name__"} for row in rows]
    if len({tuple(each.items()) for each in labels}) < len(labels):
        raise ApiError(422, "execution", "vector cannot contain metrics with the same labelset")
    scraped = np.broadcast_to(_scraped_at(world.plan, times), values.shape)
    if query.asks == "timestamp":
        return labels, scraped, is_present
    return labels, times - scraped, is_present & (times - scraped >= query.oldest)


def _known(world: World) -> list[Labels]:
    """The labels of every series: the story's, then those of its tales."""
    return [*all_series(), *(labels for told in world.tales for labels in tale.labels_of(told))]


def _at(world: World, rows: list[int], times: Floats) -> tuple[Floats, Bools]:
    """Values and presence of some series (rows of `_known`) at epoch seconds, both of shape (rows, times)."""
    now, own = world.now_seconds(), len(all_series())
    values, is_present = at(world.plan, [row for row in rows if row < own], times, now)
    if all(row < own for row in rows):
        return values, is_present
    parts = [(values, is_present)]
    scraped = _scraped_at(world.plan, times)
    is_scraped = ~np.isnan(scraped) & (times <= now)
    for told in world.tales:
        wanted = [row - own for row in rows if own <= row < own + len(tale.labels_of(told))]
        values = np.full((len(wanted), len(times)), np.nan)
        for utc_day in np.unique(scraped[is_scraped] // DAY).astype(np.int64) if wanted else ():
            here = np.flatnonzero(is_scraped & (scraped // DAY == utc_day))
            values[:, here] = tale.block(told, int(utc_day))[wanted][:, ((scraped[here] - utc_day * DAY) // 60).astype(np.int64)]
        parts.append((values, np.broadcast_to(is_scraped, values.shape)))
        own += len(tale.labels_of(told))
    return np.concatenate([values for values, _ in parts]), np.concatenate([present for _, present in parts])


def _scraped_at(plan: Plan, times: Floats) -> Floats:
    """When the newest sample of a series that is present was scraped: on the last full minute in which the server was up."""
    found: Floats = np.full(len(times), np.nan)
    for minutes in range(LOOK_BACK_MINUTES, -1, -1):
        minute = (times // 60 - minutes) * 60
        utc_days = (minute // DAY).astype(np.int64)
        for utc_day in np.unique(utc_days):
            here = np.flatnonzero(utc_days == utc_day)
            here = here[server_is_up(plan, int(utc_day))[((minute[here] - utc_day * DAY) // 60).astype(np.int64)]]
            found[here] = minute[here]
    return found


def _matrix(series: list[Labels], values: Floats, is_present: Bools, times: list[str]) -> Iterator[bytes]:
    for number, labels in enumerate(series):
        kept = np.flatnonzero(is_present[number])
        if len(kept):
            pairs = [
                f'[{times[index]},"{_value(value)}"]' for index, value in zip(kept.tolist(), values[number][kept].tolist(), strict=True)
            ]
            yield b'{"metric":' + orjson.dumps(labels) + b',"values":[' + ",".join(pairs).encode() + b"]}"


def _query(world: World, given: Query) -> bytes:
    text = _one(given, "query")
    moment = _time(given["time"][0], "time") if "time" in given else world.now_seconds()
    series, values, is_present = _answer(world, text, np.array([moment]))
    found = [
        {"metric": labels, "value": [moment, _value(float(values[number, 0]))]}
        for number, labels in enumerate(series)
        if is_present[number, 0]
    ]
    return orjson.dumps({"resultType": "vector", "result": found})


def _format_query(_: World, given: Query) -> bytes:
    """As it came, if it can be read: what the sandbox understands has one spelling."""
    text = _one(given, "query")
    parse_query(text)
    return orjson.dumps(text.strip())


def _labels(world: World, given: Query) -> bytes:
    return orjson.dumps(sorted({label for labels in _matching(world, given) for label in labels}))


def _label_values(world: World, given: Query) -> bytes:
    label = given["_label"][0]
    return orjson.dumps(sorted({labels[label] for labels in _matching(world, given) if label in labels}))


def _series(world: World, given: Query) -> bytes:
    if "match[]" not in given:
        raise ApiError(400, "bad_data", "no match[] parameter provided")
    first, now = world.plan.at(FIRST_DAY), world.now_seconds()
    start = _time(given["start"][0], "start") if "start" in given else first
    end = _time(given["end"][0], "end") if "end" in given else now
    return orjson.dumps(_matching(world, given) if start <= now and end >= first - DAY else [])


def _matching(world: World, given: Query) -> list[Labels]:
    series = _known(world)
    if "match[]" not in given:
        return series
    selectors = [parse_selector(text) for text in given["match[]"]]
    return [labels for labels in series if any(all(matcher.accepts(labels) for matcher in selector) for selector in selectors)]


def _one(given: Query, name: str) -> str:
    if not given.get(name):
        raise ApiError(400, "bad_data", f'invalid parameter "{name}": it is missing')
    return given[name][0]


def _time(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        try:
            return dt.datetime.fromisoformat(text.replace(" ", "+")).timestamp()
        except ValueError:
            raise ApiError(400, "bad_data", f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"


def _value(value: float) -> str:
    """A sample as Prometheus writes it: shortest form, `NaN` and `+Inf` by name."""
    if value.is_integer():
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
