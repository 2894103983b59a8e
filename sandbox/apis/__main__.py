"""`python -m sandbox.apis --port 18100 --state .local/sandbox`: the simulated APIs as a process of their own."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path

from sandbox.apis.app import create_app
from sandbox.apis.limits import Limits
from sandbox.apis.server import serve
from sandbox.story.clock import parse_moment
from sandbox.story.plan import DEFAULT_SEED


def main() -> int:
    """Serve until stopped; 1 if the port is taken."""
    given = _arguments().parse_args()
    limits = Limits(
        mixpanel_per_hour=given.mixpanel_per_hour,
        mixpanel_per_second=given.mixpanel_per_second,
        zendesk_per_minute=given.zendesk_per_minute,
        pagerduty_per_minute=given.pagerduty_per_minute,
        mixpanel_window_seconds=given.mixpanel_window_seconds,
        zendesk_window_seconds=given.zendesk_window_seconds,
        pagerduty_window_seconds=given.pagerduty_window_seconds,
    )
    auth = tuple(given.prometheus_auth.split(":", 1)) if given.prometheus_auth else None
    app = create_app(
        given.state,
        launch_date=given.launch_date,
        now=given.now,
        seed=given.seed,
        limits=limits,
        prometheus_auth=auth,
        with_tales=given.tales,
    )
    try:
        serve(app, given.port)
    except OSError as error:
        sys.stderr.write(f"sandbox.apis: port {given.port} cannot be used ({error.strerror}): choose another with --port\n")
        return 1
    return 0


def _arguments() -> argparse.ArgumentParser:
    limits = Limits()
    parser = argparse.ArgumentParser(prog="python -m sandbox.apis", description=__doc__)
    parser.add_argument("--port", type=int, default=18100)
    parser.add_argument("--state", type=Path, default=Path(".local/sandbox"), help="folder of the clock and the launch date")
    parser.add_argument("--launch-date", type=dt.date.fromisoformat, help="day 0 of the story; kept in the state folder")
    parser.add_argument("--now", type=parse_moment, help="freeze the clock at this moment, for example 2026-04-13T06:00:00Z")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--tales", action="store_true", help="tell four more launches beside the story (sandbox/tales)")
    parser.add_argument("--mixpanel-per-hour", type=int, default=limits.mixpanel_per_hour)
    parser.add_argument("--mixpanel-per-second", type=int, default=limits.mixpanel_per_second)
    parser.add_argument("--zendesk-per-minute", type=int, default=limits.zendesk_per_minute)
    parser.add_argument("--pagerduty-per-minute", type=int, default=limits.pagerduty_per_minute)
    for api, usual in (("mixpanel", "hour"), ("zendesk", "minute"), ("pagerduty", "minute")):
        default = getattr(limits, f"{api}_window_seconds")
        parser.add_argument(f"--{api}-window-seconds", type=float, default=default, metavar="S", help=f"how long its {usual} lasts")
    parser.add_argument("--prometheus-auth", metavar="USER:PASSWORD", help="ask for basic authentication")
    return parser


if __name__ == "__main__":
    sys.exit(main())
