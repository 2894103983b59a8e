"""Makes a review fit a mail, by shortening it in a defined order, never by not sending it.

Gmail clips a mail at about 102 KB of HTML. What goes first is what a reader misses least: the tails of long lists, then rows of tables
that nobody has to act on, then charts from the last to the first, then everything but what leads the review. The footer says that it was
shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from postlaunch.reviews.blocks import Block, Bullet, Bullets, Document, Group, Heading, Lights, Notice, Paragraph, Picture, Row, Table

LIST_LIMITS = (20, 10, 5, 3)
TABLE_LIMITS = (60, 30, 15)
TEXT_LIMITS = (600, 200)
SHORTENED = "Shortened to fit a mail: lists and tables end with what was left out."


def fitted(document: Document, fits: Callable[[Document], bool]) -> Document:
    """The document itself if it fits, else the longest of its shortened forms that does, else the shortest there is."""
    if fits(document):
        return document
    shorter = document
    for shorter in _shortened(document):
        if fits(shorter):
            return shorter
    return shorter


def _shortened(document: Document) -> Iterator[Document]:
    """Ever shorter forms, each built on the one before."""
    blocks: list[Block] = list(document.blocks)
    footer = (*document.footer, SHORTENED)

    def made() -> Document:
        return replace(document, blocks=tuple(blocks), footer=footer)

    for limit in LIST_LIMITS:
        blocks = [_list(block, limit) for block in blocks]
        yield made()
    for limit in TABLE_LIMITS:
        blocks = [_table(block, limit) for block in blocks]
        yield made()
    for limit in TEXT_LIMITS:
        blocks = [_text(block, limit) for block in blocks]
        yield made()
    while any(isinstance(block, Picture) for block in blocks):
        last = max(number for number, block in enumerate(blocks) if isinstance(block, Picture))
        blocks = [*blocks[:last], *blocks[last + 1 :]]
        yield made()
    kept = (Lights, Notice, Bullets)
    first = tuple(block for block in blocks if isinstance(block, kept))[:8]
    yield replace(document, blocks=first, footer=(SHORTENED,), headline=_cut(document.headline, TEXT_LIMITS[-1]))


def _list(block: Block, limit: int) -> Block:
    if not isinstance(block, Bullets) or len(block.items) <= limit:
        return block
    counted = sum(item.more or 1 for item in block.items[limit - 1 :])
    return replace(block, items=(*block.items[: limit - 1], Bullet(f"and {counted} more", more=counted)))


def _table(block: Block, limit: int) -> Block:
    """Keeps rows that are missed or to be watched, then the first others."""
    if not isinstance(block, Table) or len(block.rows) <= limit:
        return block
    rows = [row for row in block.rows if isinstance(row, Row) and not row.more]
    ranked = sorted(range(len(rows)), key=lambda number: (rows[number].tone not in ("bad", "warn"), number))
    kept = set(ranked[: limit - 1])
    gone = len(rows) - len(kept) + sum(row.more for row in block.rows if isinstance(row, Row))
    shown: list[Row | Group] = []
    number = -1
    for row in block.rows:
        if isinstance(row, Group):
            shown.append(row)
        elif not row.more:
            number += 1
            shown += [row] if number in kept else []
    named = [row for row, follower in zip(shown, [*shown[1:], None], strict=True) if isinstance(row, Row) or isinstance(follower, Row)]
    return replace(block, rows=(*named, Row(f"and {gone} more", [""] * (len(block.head) - 1), more=gone)))


def _text(block: Block, limit: int) -> Block:
    match block:
        case Paragraph():
            return replace(block, text=_cut(block.text, limit))
        case Notice():
            return replace(block, title=_cut(block.title, limit), text=_cut(block.text, limit))
        case Bullets():
            return replace(block, items=tuple(replace(item, text=_cut(item.text, limit)) for item in block.items))
        case Heading():
            return replace(block, text=_cut(block.text, limit))
        case _:
            return block


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
