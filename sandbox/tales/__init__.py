"""The launches of launches/: four small ones beside the story's, each showing what a leader must not miss, and what the story lacks.

<launch>.py   what happens, and when             tale.py      events, tickets and incidents of it as the APIs tell them
people.py     users, and the life of a ticket    signals.py   gauges and counters as Prometheus scrapes them
files.py      the launch file on the story's calendar, and the facts that no API has
"""

from sandbox.story.plan import Plan
from sandbox.tales.emr_platform import EMR_PLATFORM
from sandbox.tales.erp import ERP
from sandbox.tales.logistics import LOGISTICS
from sandbox.tales.payments_app import PAYMENTS_APP
from sandbox.tales.tale import Told
from sandbox.tales.webshop import WEBSHOP

TALES = (EMR_PLATFORM, PAYMENTS_APP, ERP, WEBSHOP, LOGISTICS)


def told(plan: Plan) -> tuple[Told, ...]:
    """All tales on the calendar of a story."""
    return tuple(Told.of(plan, tale) for tale in TALES)
