"""Records made from a template: JSON once, then only the places that differ are filled in."""

from __future__ import annotations

import json
import re
from typing import Any


def template(sample: dict[str, Any]) -> bytes:
    """A format of `%` from a sample record. "@name:d@" becomes a whole number without quotes, @name@ stays within its text."""
    text = json.dumps(sample).replace("%", "%%")
    text = re.sub(r'"@(\w+):d@"', r"%(\1)d", text)
    return re.sub(r"@(\w+)@", lambda found: f"%({found[1]}){'b' if found[1].endswith('at') else 'd'}", text).encode()
