"""The mails that the mail catcher keeps: a folder of `.eml` files."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class StoredMail:
    """One mail as it was received."""

    number: int
    path: Path
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return str(self.message["subject"] or "(no subject)")

    @property
    def parts(self) -> list[EmailMessage]:
        """Every part that carries content, in the order of the message; its index is its address in the page."""
        return [part for part in self.message.walk() if not part.is_multipart() and isinstance(part, EmailMessage)]

    def body(self, kind: Literal["html", "plain"]) -> str | None:
        """The `html` or `plain` body, or None."""
        part = self.message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else None

    def summary(self) -> dict[str, Any]:
        """What the list and `/api/mails` say of it."""
        return {
            "number": self.number,
            "subject": self.subject,
            "from": str(self.message["from"] or ""),
            "to": str(self.message["to"] or ""),
            "date": str(self.message["date"] or ""),
            "message_id": str(self.message["message-id"] or ""),
            "bytes": self.path.stat().st_size,
            "file": str(self.path),
        }


class MailFolder:
    """Mails as `<n>-<slug>.eml`; `n` grows by one a mail and is never used twice."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder if need be."""
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def store(self, content: bytes) -> StoredMail:
        """Keep a mail. The file appears under its name only when it is whole."""
        message = _parse(content)
        slug = re.sub(r"[^a-z0-9]+", "-", str(message["subject"] or "no subject").lower()).strip("-")[:60] or "mail"
        with self._lock:
            number = max((one.number for one in self._files()), default=0) + 1
            path = self.folder / f"{number:04d}-{slug}.eml"
            draft = path.with_suffix(".part")
            draft.write_bytes(content)
            draft.rename(path)
        return StoredMail(number, path, message)

    def mails(self) -> list[StoredMail]:
        """All mails, the newest first."""
        return sorted(
            (StoredMail(one.number, one.path, _parse(one.path.read_bytes())) for one in self._files()), key=lambda mail: -mail.number
        )

    def mail(self, number: int) -> StoredMail | None:
        """One mail by its number."""
        found = [one.path for one in self._files() if one.number == number]
        return StoredMail(number, found[0], _parse(found[0].read_bytes())) if found else None

    def _files(self) -> list[_File]:
        return [_File(int(path.name.split("-")[0]), path) for path in self.folder.glob("[0-9]*-*.eml")]


@dataclass(frozen=True)
class _File:
    number: int
    path: Path


def _parse(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)
