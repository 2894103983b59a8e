"""One application with all four simulated APIs, each under its prefix and also at the root: their paths do not clash.

/mixpanel  /zendesk  /pagerduty  /prometheus        the APIs
/_sandbox/clock      GET; PUT {"now": "2026-04-13T06:00:00Z"} freezes it, {"now": null} lets it run
/_sandbox/requests   GET counts by API; DELETE starts again
/_sandbox/faults     GET what is on; PUT {"api": "zendesk", "fault": "reset", "times": 2}; DELETE turns all off (faults.py)
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Body, FastAPI
from fastapi.responses import JSONResponse

from sandbox import tales
from sandbox.apis import mixpanel, pagerduty, prometheus, zendesk
from sandbox.apis.faults import FaultError, Faults
from sandbox.apis.limits import Limits
from sandbox.apis.world import World
from sandbox.story.clock import SandboxClock, parse_moment, story_launch_date
from sandbox.story.plan import DEFAULT_SEED, Plan


def create_app(
    state_dir: Path,
    *,
    launch_date: dt.date | None = None,
    now: dt.datetime | None = None,
    seed: int = DEFAULT_SEED,
    limits: Limits | None = None,
    prometheus_auth: tuple[str, str] | None = None,
    with_tales: bool = False,
) -> FastAPI:
    """The simulators over a state folder. `launch_date` and `now` are kept there when they are given; `with_tales`: four more launches."""
    clock = SandboxClock(state_dir)
    if now is not None:
        clock.freeze(now)
    if launch_date is not None:
        state_dir.mkdir(parents=True, exist_ok=True)
        (state_dir / "launch_date").write_text(f"{launch_date}\n")
    plan = Plan(story_launch_date(state_dir), seed)
    world = World(plan, clock, limits or Limits(), prometheus_auth, tales.told(plan) if with_tales else ())
    app = FastAPI(title="postlaunch sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.world = world
    app.state.faults = Faults()
    for prefix, module in (("/mixpanel", mixpanel), ("/zendesk", zendesk), ("/pagerduty", pagerduty), ("/prometheus", prometheus)):
        routes = module.router(world)
        app.include_router(routes, prefix=prefix)
        app.include_router(routes)
    app.include_router(_controls(world), prefix="/_sandbox")
    app.include_router(_fault_controls(app.state.faults), prefix="/_sandbox/faults")
    return app


def _controls(world: World) -> APIRouter:
    routes = APIRouter()

    def clock_state() -> dict[str, Any]:
        return {
            "now": world.now().isoformat(),
            "frozen": world.clock.frozen_at() is not None,
            "launch_date": world.plan.launch_date.isoformat(),
        }

    @routes.get("/clock")
    def read_clock() -> dict[str, Any]:
        return clock_state()

    @routes.put("/clock")
    def set_clock(body: dict[str, str | None] = Body()) -> JSONResponse:  # noqa: B008
        try:
            world.clock.freeze(parse_moment(body["now"]) if body["now"] is not None else None)
        except KeyError:
            return JSONResponse({"error": 'the body must be {"now": <ISO 8601 time with offset, or null>}'}, status_code=400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(clock_state())

    @routes.get("/requests")
    def read_requests() -> dict[str, Any]:
        apis = ("mixpanel", "zendesk", "pagerduty", "prometheus")
        return {**{api: world.requests[api] for api in apis}, "refused": {api: world.refused[api] for api in apis}}

    @routes.delete("/requests")
    def forget_requests() -> dict[str, Any]:
        world.requests.clear()
        world.refused.clear()
        return read_requests()

    return routes


def _fault_controls(faults: Faults) -> APIRouter:
    routes = APIRouter()

    @routes.get("")
    def read_faults() -> dict[str, Any]:
        return faults.state()

    @routes.put("")
    def put_faults(body: Any = Body()) -> JSONResponse:  # noqa: B008
        try:
            faults.put_json(body)
        except FaultError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(faults.state())

    @routes.delete("")
    def clear_faults() -> dict[str, Any]:
        faults.clear()
        return faults.state()

    return routes
