"""Renders a review: one consistent read of the marts -> blocks -> charts -> HTML, text and images, and files on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from postlaunch.config.launch import Launch
from postlaunch.errors import ReviewError
from postlaunch.reviews import daily, documents, monthly, queries, verdict, weekly
from postlaunch.reviews.blocks import Document
from postlaunch.reviews.content import Basis
from postlaunch.reviews.figures.render import draw
from postlaunch.reviews.mail import Review, message
from postlaunch.reviews.mailboxes import Mailbox, mailboxes
from postlaunch.reviews.period import Period, parse_period
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.refusals import refusal
from postlaunch.warehouse.status import DomainStatus, domain_status

_DOCUMENTS: Mapping[str, Callable[[Basis], Document]] = {
    "daily": daily.document,
    "weekly": weekly.document,
    "monthly": monthly.document,
    "verdict": verdict.document,
}


def render(kind: str, launch: Launch, period: str, *, out: Path | None = None) -> Review:
    """Render `kind` (daily, weekly, monthly, verdict) of a launch from the published marts; write files if `out` is a folder.

    Raises ReviewError for a period that cannot be read, when nothing is published, without Chromium, or for a folder that
    cannot be written; WarehouseError when PostgreSQL cannot be reached.
    """
    chosen = parse_period(kind, period, launch)
    document, publication = _read(kind, launch, chosen)
    pictures = draw(document.charts)
    cids = {name: f"{name}.{chosen.label}.{launch.launch}@postlaunch" for name in pictures}
    review = Review(
        kind=kind,
        launch_id=launch.launch,
        period=chosen,
        subject=f"{document.eyebrow}: {document.title}, {chosen.title}",
        html=documents.to_html(document, {name: f"cid:{cid}" for name, cid in cids.items()}),
        text=documents.to_text(document),
        images={cids[name]: png for name, png in pictures.items()},
        publication_id=publication,
    )
    return review if out is None else _write(review, document, pictures, out, launch)


def _read(kind: str, launch: Launch, period: Period) -> tuple[Document, int | None]:
    """Everything in one repeatable-read transaction: all numbers are of one publication."""
    with connect("reporter") as session:
        session.execute("set transaction isolation level repeatable read read only")
        try:
            statuses: dict[str, DomainStatus] = {status.domain: status for status in domain_status(session, launch, period.end)}
            document = documents.fit(_DOCUMENTS[kind](Basis(launch, period, session, statuses)))
            return document, queries.publication_id(session)
        except psycopg.Error as error:
            raise ReviewError(f"the {kind} review of {launch.launch} cannot read the marts: {refusal(error)}") from error


def _write(review: Review, document: Document, pictures: Mapping[str, bytes], out: Path, launch: Launch) -> Review:
    """`<kind>-<launch>-<period>.html` with its charts beside it, and the same as `.eml`."""
    stem = f"{review.kind}-{launch.launch}-{review.period.label}"
    files = {name: f"{stem}-{name}.png" for name in pictures}
    paths = [documents.write(out / files[name], png) for name, png in pictures.items()]
    page = documents.write(out / f"{stem}.html", documents.to_html(document, files))
    recipients = mailboxes(launch.reviews.recipients.get(review.period.kind) or (launch.owner.email,), f"launch {launch.launch}")
    mail = documents.write(out / f"{stem}.eml", bytes(message(review, Mailbox("postlaunch@localhost"), recipients, attempt=1)))
    return Review(**{**review.__dict__, "paths": (page, mail, *paths)})
