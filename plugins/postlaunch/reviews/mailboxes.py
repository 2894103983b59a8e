"""One mail address, read once: what the envelope carries (`address`) and what the header shows (`header`).

    "Répörts <reviews@company.example>"  ->  address reviews@company.example, header =?utf-8?q?R=C3=A9p=C3=B6rts?= <reviews@...>

The envelope is plain ASCII, so that a server without SMTPUTF8 (RFC 6531) takes it; only the header needs encoded words (RFC 2047).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.policy import SMTP as SMTP_POLICY

from postlaunch.errors import ReviewError
from postlaunch.reviews import outside

# RFC 5321: dot-string and domain, without quoted local parts and address literals, which no mailbox of a company needs.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST = (64, 253)


@dataclass(frozen=True)
class Mailbox:
    """A single validated address; `name` is shown beside it."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]

    @property
    def header(self) -> Address:
        """The form for From and To, which the mail package encodes."""
        return Address(display_name=self.name, addr_spec=self.address)


def mailbox(text: str, where: str) -> Mailbox:
    """Read `local@domain` or `Name <local@domain>`. Raises ReviewError that names `where` unless it is exactly one address."""
    problem = f"{where}: {text!r} is not one mail address"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ReviewError(f"{problem}: it holds a line break or another control character")
    try:
        addresses = SMTP_POLICY.header_factory("to", text).addresses
    except (HeaderParseError, ValueError, IndexError, AttributeError):  # the parser's own faults on odd input
        raise ReviewError(f"{problem}; write name@example.com") from None
    if not addresses:
        raise ReviewError(f"{problem}; write name@example.com")
    if len(addresses) > 1:
        raise ReviewError(f"{problem} but {len(addresses)}; give each address as an item of its own")
    local, domain = addresses[0].username, _ascii_domain(addresses[0].domain)
    if not local.isascii():
        raise ReviewError(f"{problem} that every mail server takes: the part before the @ must be ASCII")
    is_valid = _LOCAL.fullmatch(local) and domain and all(_LABEL.fullmatch(label) for label in domain.split("."))
    if not is_valid or len(local) > _LONGEST[0] or len(domain) > _LONGEST[1]:
        raise ReviewError(f"{problem}; write name@example.com")
    written = f"{local}@{addresses[0].domain}"
    if text.strip() != written and not text.strip().endswith(f"<{written}>"):
        raise ReviewError(f"{problem}; write name@example.com")  # comments and what else the grammar lets pass unread
    return Mailbox(f"{local}@{domain}", outside.clean(addresses[0].display_name))


def mailboxes(texts: Iterable[str], where: str) -> tuple[Mailbox, ...]:
    """Each address once, in order. Raises ReviewError for the first that is not one address."""
    found: dict[str, Mailbox] = {}
    for text in texts:
        box = mailbox(text, where)
        found.setdefault(box.address.lower(), box)
    return tuple(found.values())


def _ascii_domain(domain: str) -> str:
    try:
        return domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return ""
