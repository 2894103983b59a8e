"""Text that others wrote (incident titles, ticket and launch names, reasons) made safe to stand inside our sentences.

Unicode's bidirectional controls turn the rest of a line around (https://www.unicode.org/reports/tr9/), control characters break
lines, stacked combining marks run over their neighbours, and a title may have any length. Escaping markup is the templates' part.
"""

from __future__ import annotations

import unicodedata

LIMIT = 120  # letters of a name or title inside a sentence
REASON_LIMIT = 400  # of a reason, which is a sentence of its own
_JOINERS = "\u200c\u200d"  # Persian words and emoji are spelled with them
_MARKS = 3  # combining marks on one letter; no living script needs more
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def clean(text: str, limit: int = LIMIT) -> str:
    """One line of at most `limit` letters without control characters.

    Right-to-left words keep their direction and cannot turn what stands around them: they are isolated (first strong isolate).
    """
    line = _shortened(" ".join(_visible(text).split()), limit)
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line):
        return f"{_ISOLATE}{line}{_END_ISOLATE}"
    return line


def _visible(text: str) -> str:
    """Without controls, formats, surrogates and unassigned code points; separators of lines become spaces."""
    kept: list[str] = []
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        if letter.isspace() or category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif not category.startswith("C") or letter in _JOINERS:
            marks = marks + 1 if category in ("Mn", "Me") else 0
            kept.extend(letter if marks <= _MARKS else "")
    return "".join(kept)


def _shortened(line: str, limit: int) -> str:
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
