"""Blocks -> HTML and text, from the templates in dashboards/reviews. The CSS is inlined; nothing is ever fetched."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from postlaunch.config.settings import REPOSITORY
from postlaunch.errors import ReviewError
from postlaunch.reviews import formats
from postlaunch.reviews.blocks import SYMBOLS, Document, Group, Row, Table
from postlaunch.reviews.fitting import fitted

if TYPE_CHECKING:
    import jinja2

TEMPLATES = REPOSITORY / "dashboards" / "reviews"
HTML_LIMIT_BYTES = 90_000  # Gmail clips a mail at about 102 KB of HTML
TEXT_WIDTH = 76  # letters; a mail program wraps at 78


def fit(document: Document) -> Document:
    """The document, shortened as far as its HTML has to be for mail programs to show it whole."""
    images = {chart.name: f"cid:{'x' * 120}" for chart in document.charts}
    return fitted(document, lambda shorter: len(to_html(shorter, images).encode()) <= HTML_LIMIT_BYTES)


def to_html(document: Document, images: Mapping[str, str]) -> str:
    """The HTML part. `images`: chart name -> src (`cid:...` or a file name)."""
    import css_inline

    css = (TEMPLATES / "mail.css").read_text(encoding="utf-8")
    page = _environment().get_template("mail.html.j2").render(document=document, images=images, symbols=SYMBOLS, css=css)
    inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False, minify_css=True)
    return inliner.inline(page)


def to_text(document: Document) -> str:
    """The text/plain part: the same blocks, wrapped at 76 columns."""
    text = _environment().get_template("mail.txt.j2").render(document=document, symbols=SYMBOLS)
    return "\n".join(line.rstrip() for line in text.replace("\u00a0", " ").strip().splitlines()) + "\n"


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    if not (TEMPLATES / "mail.html.j2").is_file():
        raise ReviewError(f"the review templates are not in {TEMPLATES}: run from a checkout of the repository")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["wrapped"] = _wrapped
    environment.filters["columns"] = _columns
    return environment


def _breakable(text: str) -> str:
    """A cell that may break between number and unit: on a phone with a wide font four columns fit no other way."""
    return text.replace(formats.NBSP, " ")


def _wrapped(text: str, indent: str = "", hang: str = "") -> str:
    """One paragraph, folded; line breaks inside are spaces, so that a title cannot forge a section."""
    line = " ".join(text.split())
    return textwrap.fill(line, TEXT_WIDTH, initial_indent=indent, subsequent_indent=hang or indent, break_long_words=False)


def _columns(table: Table) -> str:
    """A table as aligned columns, each row's note below it."""
    numbers = [row.cells for row in table.rows if isinstance(row, Row)]
    widths = [max(len(line) for line in column) for column in zip(table.head[1:], *numbers, strict=True)]
    name_width = max(24, TEXT_WIDTH - sum(widths) - 3 * len(widths))
    lines = [_line(table.head[0], table.head[1:], name_width, widths)]
    for row in table.rows:
        if isinstance(row, Group):
            lines.append(f"[{row.name}]")
            continue
        lines.append(_line(row.name, row.cells, name_width, widths))
        if row.note:
            lines.append(_wrapped(row.note, f"    {SYMBOLS[row.tone]} " if row.tone != "none" else "    ", " " * 6))
    return "\n".join(lines)


def _line(name: str, cells: object, name_width: int, widths: list[int]) -> str:
    numbers = "".join(f"   {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))  # type: ignore[call-overload]
    *above, last = textwrap.wrap(name, name_width) or [""]
    return "\n".join([*above, f"{last:<{name_width}}{numbers}"])


def write(path: Path, content: str | bytes) -> Path:
    """Write a file below a folder that may not exist yet. Raises ReviewError that names it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise ReviewError(f"cannot write {path}: {error.strerror}; choose another folder with --out") from error
    return path
