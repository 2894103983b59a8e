"""A rendered review, and the mail that it becomes.

multipart/related
  multipart/alternative
    text/plain
    text/html            <img src="cid:...">
  image/png              Content-ID, one a chart
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path

from postlaunch.reviews import outside
from postlaunch.reviews.mailboxes import Mailbox
from postlaunch.reviews.period import Period

POLICY = SMTP_POLICY.clone(cte_type="7bit")  # bodies in base64 or quoted-printable: not every server takes 8BITMIME
SUBJECT_LIMIT = 180  # letters; longer ones are cut off by every mail program


@dataclass(frozen=True)
class Review:
    """A rendered review. `html` refers to its charts as `cid:<key of images>`; `paths` are the files written by `--out`."""

    kind: str
    launch_id: str
    period: Period
    subject: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    images: Mapping[str, bytes] = field(repr=False)
    publication_id: int | None
    paths: tuple[Path, ...] = ()


def message(review: Review, sender: Mailbox, recipients: Sequence[Mailbox], attempt: int) -> EmailMessage:
    """The mail; the same attempt always has the same Message-ID. Headers are built from addresses, never parsed from joined text."""
    mail = EmailMessage(policy=POLICY)
    mail["Subject"] = outside.clean(review.subject, SUBJECT_LIMIT)
    mail["From"] = sender.header
    mail["To"] = [recipient.header for recipient in recipients]
    mail["Date"] = format_datetime(dt.datetime.now(dt.UTC))
    mail["Message-ID"] = f"<{review.kind}.{review.period.label}.{attempt}.{review.launch_id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    words = EmailMessage(policy=POLICY)
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
