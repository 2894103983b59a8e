"""HTTP basic authentication, read and compared in constant time."""

from __future__ import annotations

import base64
import binascii
import secrets


def is_allowed(header: str | None, user: str, password: str) -> bool:
    """True if an `Authorization` header names this user with this password."""
    scheme, _, payload = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(payload, validate=True)
    except binascii.Error:
        return False
    return secrets.compare_digest(given, f"{user}:{password}".encode())
