"""Mails a review, exactly once per (launch, review, period) unless told to send it again.

Exactly once: the row in ops.deliveries is inserted first (what cannot be recorded is never mailed), under a lock
of this launch, review and period, and only committed when the mail server has taken the mail. If the commit itself is lost,
the next attempt sends a mail with the same Message-ID, which mail programs show once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from postlaunch.config.connections import SMTP, get_connection, variable_name
from postlaunch.errors import ReviewError
from postlaunch.reviews import smtp
from postlaunch.reviews.mail import Review, message
from postlaunch.reviews.mailboxes import mailbox, mailboxes
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import take
from postlaunch.warehouse.refusals import refusal

MAIL_SECONDS = 300.0  # how long a mail waits for the same one, which is being sent: a slow mail server takes its time


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

    Every recipient is one address, `local@domain` or `Name <local@domain>`. Raises ReviewError for anything else, when nobody is to
    receive it, or when the mail server fails; then no delivery is recorded.
    """
    if not recipients:
        place = f"reviews.recipients.{review.kind} in the file of launch {review.launch_id}"
        raise ReviewError(f"nobody to mail the {review.kind} review to: set {place}")
    server = get_connection(SMTP)
    sender = mailbox(str(server.extra.get("from_email") or "postlaunch@localhost"), f"{variable_name(SMTP)}: from_email")
    boxes = mailboxes(recipients, f"recipients of the {review.kind} review of launch {review.launch_id}")
    addresses = [box.address for box in boxes]
    try:
        with connect("reporter") as session, session.transaction():
            attempt = _claim(session, review, addresses, again)
            if attempt is None:
                return None
            mail = message(review, sender, boxes, attempt)
            session.execute("savepoint before_sending")
            _record(session, review, addresses, attempt, str(mail["Message-ID"]))
            refused = smtp.send(server, mail, sender.address, addresses)
            accepted = tuple(address for address in addresses if address not in refused)
            if refused:
                session.execute("rollback to savepoint before_sending")
                _record(session, review, accepted, attempt, str(mail["Message-ID"]))
            return Delivery(str(mail["Message-ID"]), attempt, accepted, refused)
    except psycopg.Error as error:
        raise ReviewError(f"the {review.kind} review was not mailed, its delivery cannot be recorded: {refusal(error)}") from error


def _claim(session: psycopg.Connection, review: Review, recipients: Sequence[str], again: bool) -> int | None:
    """Number of the attempt that is ours to make, holding the lock until the transaction ends; None if it is done already.

    Done means that one of these recipients has it: a preview to somebody else does not stand in the way of the scheduled mail.
    """
    key = (review.launch_id, review.kind, review.period.start)
    take(session, f"mail of {' '.join(map(str, key))}", MAIL_SECONDS)
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
