"""The parts a review is made of. One list of blocks becomes the HTML part and the text part, so that both say the same.

A tone never stands alone: every one has a symbol and a word beside its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from postlaunch.reviews.figures.style import Chart
from postlaunch.reviews.formats import DASH

Tone = Literal["good", "warn", "bad", "held", "none"]
SYMBOLS: dict[str, str] = {"good": "✓", "warn": "!", "bad": "✗", "held": "■", "none": DASH}


@dataclass(frozen=True)
class Heading:
    """Begins a section."""

    block: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more."""

    block: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Notice:
    """Something the reader must know before the numbers: what is held or late, or what the verdict is."""

    block: ClassVar[str] = "notice"
    tone: Tone
    title: str
    text: str


@dataclass(frozen=True)
class Light:
    """One line of the traffic lights."""

    label: str
    tone: Tone
    text: str


@dataclass(frozen=True)
class Lights:
    """Traffic lights, a line a domain."""

    block: ClassVar[str] = "lights"
    lights: Sequence[Light]


@dataclass(frozen=True)
class Row:
    """A line of a table: a name with a small line below it, then numbers."""

    name: str
    cells: Sequence[str]
    tone: Tone = "none"
    note: str = ""  # the word of the tone first: "missed, target ≤ 0.1 %"
    more: int = 0  # how many rows this line stands for, where the table was shortened


@dataclass(frozen=True)
class Group:
    """A line of a table that names the rows below it."""

    name: str


@dataclass(frozen=True)
class Table:
    """Names on the left, numbers right-aligned; the first number is this period's."""

    block: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Row | Group]


@dataclass(frozen=True)
class Bullet:
    """An item of a list, with its tone's symbol before it."""

    text: str
    tone: Tone = "none"
    more: int = 0  # how many items this line stands for, where the list was shortened


@dataclass(frozen=True)
class Bullets:
    """A list; without items `empty` is said instead."""

    block: ClassVar[str] = "bullets"
    items: Sequence[Bullet]
    empty: str = "Nothing."


@dataclass(frozen=True)
class Picture:
    """A chart between its title and its sentence."""

    block: ClassVar[str] = "picture"
    chart: Chart


Block = Heading | Paragraph | Notice | Lights | Table | Bullets | Picture


@dataclass(frozen=True)
class Document:
    """A review before it is markup."""

    eyebrow: str  # Monthly business review
    title: str  # EMR platform
    subtitle: str  # March 2026 · launch days 48 to 78
    headline: str  # one sentence that carries the message, also the mail's preview
    tone: Tone
    blocks: Sequence[Block]
    footer: Sequence[str] = field(default_factory=tuple)

    @property
    def charts(self) -> list[Chart]:
        """The charts in reading order."""
        return [block.chart for block in self.blocks if isinstance(block, Picture)]
