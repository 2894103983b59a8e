"""Faults on demand: what the simulated APIs do wrong, for how many requests, until told otherwise.

    curl -X PUT --json '{"api": "zendesk", "fault": "reset", "times": 2}' http://127.0.0.1:18100/_sandbox/faults
    curl http://127.0.0.1:18100/_sandbox/faults              what is on, how often it struck, and the faults there are
    curl -X DELETE http://127.0.0.1:18100/_sandbox/faults

A PUT replaces what was on; its body is one fault or a list (the first that fits a request strikes). Keys:
    api           mixpanel, zendesk, pagerduty or prometheus
    fault         a name of the table below
    times         requests to strike; without it, every one
    from_request  the first to strike, counted from the PUT on (1)
    path          only requests whose path contains this, for example /incremental/tickets

In a test: `app.state.faults.put([Fault("zendesk", "reset", times=2)])`, `app.state.faults.clear()`. The faults stand before the application
and write to the connections of server.py; a client that calls the application without a server meets none.

    refusals   401, 403, 429, 429-retry-after (a second), 429-clock-ahead (a second, as a date by a clock two hours ahead), 500
    the wire   reset (RST half way), slow-drip (whole, in two seconds), short-length, broken-chunk, silent-close (on the end of a line)
    content    terminated-early, not-json, malformed, without-id, bad-time, future-records, clock-ahead (header Date), repeated-records,
               new-field, changed-type, missing-field: fault_records.py
    pages      empty-page, stuck-cursor, overlapping-pages: fault_pages.py
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast, get_args

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.apis import fault_pages, fault_records, fault_wire
from sandbox.apis.fault_pages import Give, Memory
from sandbox.apis.fault_wire import Answer, Api, Asked

DRIP_SECONDS = 2.0
AHEAD = dt.timedelta(hours=2)
_JSON = {"content-type": "application/json"}
_LOGIN_PAGE = b"<!doctype html>\n<html><body><h1>Sign in</h1>\nYour session has expired.\n</body></html>\n"
_EARLY = b"export terminated early\n"

Strike = Callable[[Asked, Give, Memory], Awaitable[Answer]]


@dataclass(frozen=True)
class Fault:
    """What goes wrong, where, and how often. Raises FaultError for a name that is not known."""

    api: Api
    fault: str
    times: int | None = None
    from_request: int = 1
    path: str = ""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        if self.api not in get_args(Api):
            raise FaultError(f"no api {self.api!r}; known are {', '.join(get_args(Api))}")
        if self.fault not in FAULTS:
            raise FaultError(f"no fault {self.fault!r}; known are {', '.join(FAULTS)}")
        if not isinstance(self.path, str):
            raise FaultError(f"`path` must be a text, found {self.path!r}")
        for name, number in (("times", self.times), ("from_request", self.from_request)):
            if number is not None and (type(number) is not int or number < 1):
                raise FaultError(f"`{name}` must be a whole number of at least 1, found {number!r}")


class FaultError(ValueError):
    """A fault that nobody knows; the message lists those there are."""


@dataclass
class _Active:
    fault: Fault
    seen: int = 0
    struck: int = 0
    memory: Memory = field(default_factory=dict)

    def is_due(self, api: Api, path: str) -> bool:
        """Count a request that fits; True if it is to be struck."""
        fault = self.fault
        if fault.api != api or fault.path not in path:
            return False
        self.seen += 1
        return self.seen >= fault.from_request and (fault.times is None or self.struck < fault.times)


class Faults:
    """The faults that are on."""

    def __init__(self) -> None:
        """None is."""
        self._active: tuple[_Active, ...] = ()

    def put(self, faults: Iterable[Fault]) -> None:
        """Turn these on, and all others off."""
        self._active = tuple(_Active(each) for each in faults)

    def put_json(self, body: Any) -> None:
        """The same from JSON. Raises FaultError."""
        try:
            self.put([Fault(**each) for each in (body if isinstance(body, list) else [body])])
        except TypeError:
            raise FaultError("a fault is an object with api, fault and, if wanted, times, from_request and path") from None

    def clear(self) -> None:
        """Turn all off."""
        self._active = ()

    def state(self) -> dict[str, Any]:
        """What is on, how often it was met, and what there is."""
        return {
            "active": [{**asdict(each.fault), "seen": each.seen, "struck": each.struck} for each in self._active],
            "known": list(FAULTS),
        }

    def due(self, path: str) -> tuple[Api, Strike, Memory] | None:
        """The fault that strikes a request."""
        api = _api_of(path)
        due = [each for each in self._active if each.is_due(api, path)] if api else []
        if api is None or not due:
            return None
        due[0].struck += 1
        return api, FAULTS[due[0].fault.fault], due[0].memory


class FaultyApp:
    """An application before which faults stand. Outermost: it needs the connection of uvicorn itself."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        """Everything that is not struck goes through to `app`."""
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (or the application's start and stop)."""
        due = self._faults.due(scope["path"]) if scope["type"] == "http" else None
        if due is None:
            await self._app(scope, receive, send)
            return
        api, strike, memory = due
        asked = Asked(api, scope, await _body(receive))
        answer = await strike(asked, lambda request: fault_wire.ask(self._app, request), memory)
        await fault_wire.send(cast("Any", send).__self__.transport, answer)
        while (await receive())["type"] != "http.disconnect":
            pass


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message: Message = await receive()
        body.extend(message.get("body", b""))
        if not message.get("more_body"):
            return bytes(body)


def _api_of(path: str) -> Api | None:
    """Whose path it is, with the prefix or at the root."""
    for api in get_args(Api):
        if path.startswith(f"/{api}/"):
            return cast("Api", api)
    if path.startswith("/_sandbox"):
        return None
    if path.startswith(("/api/2.0/", "/api/query/")):
        return "mixpanel"
    if path.startswith("/api/v2/"):
        return "zendesk"
    return "prometheus" if path.startswith("/api/v1/") else "pagerduty"


def _refusing(status: int, words: str, headers: Callable[[Api], dict[str, str]] = lambda _: {}) -> Strike:
    """Refuse, whatever was asked. `headers` by API."""

    async def strike(asked: Asked, _: Give, __: Memory) -> Answer:
        return Answer(status, {**_JSON, **headers(asked.api)}, orjson.dumps({"status": "error", "error": words}))

    return strike


def _wait_a_second(api: Api) -> dict[str, str]:
    return {"ratelimit-reset" if api == "pagerduty" else "retry-after": "1"}


def _wait_by_a_clock_ahead(_: Api) -> dict[str, str]:
    now = dt.datetime.now(dt.UTC) + AHEAD
    return {"date": fault_wire.http_date(now), "retry-after": fault_wire.http_date(now + dt.timedelta(seconds=1))}


def _sending(alter: Callable[[Answer, Api], Answer]) -> Strike:
    """Send the true answer in a false way; a refusal of the simulator's own goes out as it is."""

    async def strike(asked: Asked, give: Give, _: Memory) -> Answer:
        answer = await give(asked)
        return alter(answer, asked.api) if answer.status == 200 else answer

    return strike


def _changing(change: fault_records.Change) -> Strike:
    return _sending(lambda answer, api: replace(answer, body=fault_records.changed(api, answer.body, change)))


def _half(body: bytes) -> bytes:
    """The first half, to the end of a line if there are lines."""
    half = body[: len(body) // 2]
    return half[: half.rfind(b"\n") + 1] or half


FAULTS: dict[str, Strike] = {
    "401": _refusing(401, "Unauthorized"),
    "403": _refusing(403, "Forbidden"),
    "429": _refusing(429, "Too many requests"),
    "429-retry-after": _refusing(429, "Too many requests", _wait_a_second),
    "429-clock-ahead": _refusing(429, "Too many requests", _wait_by_a_clock_ahead),
    "500": _refusing(500, "Internal server error"),
    "reset": _sending(lambda answer, _: replace(answer, share=0.5, is_reset=True)),
    "slow-drip": _sending(lambda answer, _: replace(answer, seconds=DRIP_SECONDS)),
    "short-length": _sending(lambda answer, _: replace(answer, share=0.5)),
    "broken-chunk": _sending(lambda answer, _: replace(answer, framing="chunked", share=0.5)),
    "silent-close": _sending(lambda answer, _: replace(answer, framing="close", is_gzipped=False, body=_half(answer.body))),
    "terminated-early": _sending(lambda answer, _: replace(answer, body=_half(answer.body) + _EARLY)),
    "not-json": _sending(lambda answer, _: replace(answer, headers={"content-type": "text/html"}, body=_LOGIN_PAGE)),
    "malformed": _changing(fault_records.malformed),
    "without-id": _changing(fault_records.without_id),
    "bad-time": _changing(fault_records.bad_time),
    "future-records": _changing(fault_records.future),
    "clock-ahead": _sending(
        lambda answer, _: replace(answer, headers={**answer.headers, "date": fault_wire.http_date(dt.datetime.now(dt.UTC) + AHEAD)})
    ),
    "repeated-records": _changing(fault_records.repeated),
    "new-field": _changing(fault_records.new_field),
    "changed-type": _changing(fault_records.changed_type),
    "missing-field": _changing(fault_records.missing_field),
    "empty-page": fault_pages.empty_page,
    "stuck-cursor": fault_pages.stuck_cursor,
    "overlapping-pages": fault_pages.overlapping_pages,
}
