"""Simulators of the Mixpanel export, Zendesk, PagerDuty and Prometheus APIs over the story of sandbox/story.

from sandbox.apis import create_app, Limits
from sandbox.apis.server import running_server
"""

from sandbox.apis.app import create_app
from sandbox.apis.limits import Limits

__all__ = ["Limits", "create_app"]
