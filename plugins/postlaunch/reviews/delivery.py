"""Mails a review, exactly once per (launch, review, period) unless told to send it again.

    multipart/related
      multipart/alternative
        text/plain
        text/html            <img src="cid:...">
      image/png              Content-ID, one a chart

Exactly once: the row in ops.deliveries is inserted first (what cannot be recorded is never mailed), under an advisory lock
of this launch, review and period, and only committed when the mail server has taken the mail. If the commit itself is lost,
the next attempt sends a mail with the same Message-ID, which mail programs show once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import psycopg

from postlaunch.config.connections import SMTP, Connection, get_connection, variable_name
from postlaunch.errors import ReviewError
from postlaunch.reviews.review import Review
from postlaunch.warehouse.db import connect

TIMEOUT_SECONDS = 30
_IMPLICIT_TLS_PORT = 465


@dataclass(frozen=True)
class Delivery:
    """A mail that the server took. `refused`: recipients it would not take; the others have the mail."""

    message_id: str
    attempt: int
    recipients: tuple[str, ...]
    refused: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Who has it, and who was refused."""
        refused = f"; the mail server refused {', '.join(self.refused)}" if self.refused else ""
        return f"mailed to {', '.join(self.recipients)}{refused}"


def deliver(review: Review, recipients: Sequence[str], *, again: bool = False) -> Delivery | None:
    """Mail the review over the connection `postlaunch_smtp`; None if it was mailed before and `again` is not set.

    Raises ReviewError when nobody is to receive it or the mail server fails; then no delivery is recorded.
    """
    if not recipients:
        place = f"reviews.recipients.{review.kind} in the file of launch {review.launch_id}"
        raise ReviewError(f"nobody to mail the {review.kind} review to: set {place}")
    server = get_connection(SMTP)
    sender = str(server.extra.get("from_email") or "postlaunch@localhost")
    try:
        with connect("reporter") as session, session.transaction():
            attempt = _claim(session, review, recipients, again)
            if attempt is None:
                return None
            mail = message(review, sender, recipients, attempt)
            session.execute("savepoint before_sending")
            _record(session, review, recipients, attempt, str(mail["Message-ID"]))
            refused = _send(server, mail, sender, recipients)
            accepted = tuple(address for address in recipients if address not in refused)
            if refused:
                session.execute("rollback to savepoint before_sending")
                _record(session, review, accepted, attempt, str(mail["Message-ID"]))
            return Delivery(str(mail["Message-ID"]), attempt, accepted, refused)
    except psycopg.Error as error:
        raise ReviewError(f"the {review.kind} review was not mailed, its delivery cannot be recorded: {str(error).strip()}") from error


def message(review: Review, sender: str, recipients: Sequence[str], attempt: int) -> EmailMessage:
    """The mail; the same attempt always has the same Message-ID."""
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["Subject"] = " ".join(review.subject.split())
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(dt.datetime.now(dt.UTC))
    mail["Message-ID"] = f"<{review.kind}.{review.period.label}.{attempt}.{review.launch_id}@{sender.partition('@')[2] or 'postlaunch'}>"
    mail["Auto-Submitted"] = "auto-generated"
    words = EmailMessage(policy=SMTP_POLICY)
    words.set_content(review.text)
    words.add_alternative(review.html, subtype="html")
    del words["MIME-Version"]  # stands once, at the top
    mail.make_related()
    mail.set_param("type", "multipart/alternative")
    mail.attach(words)
    for cid, png in review.images.items():
        name = f"{cid.partition('.')[0]}.png"
        mail.add_related(png, "image", "png", cid=f"<{cid}>", disposition="inline", filename=name)
    return mail


def _claim(session: psycopg.Connection, review: Review, recipients: Sequence[str], again: bool) -> int | None:
    """Number of the attempt that is ours to make, holding the lock until the transaction ends; None if it is done already.

    Done means that one of these recipients has it: a preview to somebody else does not stand in the way of the scheduled mail.
    """
    key = (review.launch_id, review.kind, review.period.start)
    session.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", ["|".join(map(str, key))])
    row = session.execute(
        """
        select coalesce(max(attempt), 0), coalesce(bool_or(recipients && %s::text[]), false)
        from ops.deliveries where launch_id = %s and review = %s and period_start = %s
        """,
        [list(recipients), *key],
    ).fetchone() or (0, False)
    return None if row[1] and not again else int(row[0]) + 1


def _record(session: psycopg.Connection, review: Review, recipients: Sequence[str], attempt: int, message_id: str) -> None:
    session.execute(
        """
        insert into ops.deliveries (launch_id, review, period_start, period_end, attempt, recipients, message_id, publication_id)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            *(review.launch_id, review.kind, review.period.start, review.period.end, attempt),
            *(list(recipients), message_id, review.publication_id),
        ],
    )


def _send(server: Connection, mail: EmailMessage, sender: str, recipients: Sequence[str]) -> tuple[str, ...]:
    """Hand the mail over; returns the recipients that were refused. The password never appears in an error."""
    place = f"{server.host}:{server.port or 25}"
    try:
        with contextlib.closing(_open(server)) as smtp:
            if server.login:
                smtp.login(server.login, server.password or "")
            refused = tuple(smtp.send_message(mail, sender, list(recipients)))
            with contextlib.suppress(smtplib.SMTPException, OSError):  # the mail is accepted: an odd goodbye must not send it again
                smtp.quit()
            return refused
    except smtplib.SMTPAuthenticationError:
        raise ReviewError(f"the mail server {place} refuses the login of {variable_name(SMTP)}; nothing was mailed") from None
    except smtplib.SMTPRecipientsRefused as error:
        reasons = "; ".join(f"{address}: {reply.decode(errors='replace')}" for address, (_, reply) in error.recipients.items())
        raise ReviewError(f"the mail server {place} refuses every recipient ({reasons}); nothing was mailed") from None
    except (OSError, smtplib.SMTPException) as error:
        raise ReviewError(f"the mail server {place} failed: {error}; nothing was mailed (check {variable_name(SMTP)})") from error


def _open(server: Connection) -> smtplib.SMTP:
    """A session with the server: TLS from the start on port 465 or `ssl`, STARTTLS if the connection's extra says so."""
    context = ssl.create_default_context()
    if server.port == _IMPLICIT_TLS_PORT or _is_set(server, "ssl"):
        return smtplib.SMTP_SSL(server.host, server.port or _IMPLICIT_TLS_PORT, timeout=TIMEOUT_SECONDS, context=context)
    smtp = smtplib.SMTP(server.host, server.port or 25, timeout=TIMEOUT_SECONDS)
    if _is_set(server, "starttls"):
        smtp.starttls(context=context)
    return smtp


def _is_set(server: Connection, name: str) -> bool:
    return str(server.extra.get(name, "")).lower() in ("1", "true", "yes")
