"""The documentation as pages, beside the mails: every Markdown file under docs/, and the README, as HTML without scripts."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup

from postlaunch.config.settings import REPOSITORY

router = APIRouter(prefix="/docs")
DOCS = REPOSITORY / "docs"

_pages = Environment(loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=select_autoescape())
_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_SHOWN = {".png", ".svg", ".jpg", ".html"}


@router.get("/")
def contents() -> HTMLResponse:
    """All documents, by folder."""
    files = sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
    return HTMLResponse(_pages.get_template("docs.html").render(files=[(str(path), _title(DOCS / path)) for path in files], body=None))


@router.get("/{path:path}")
def page(path: str) -> Response:
    """One document; links between documents work as they do in the repository."""
    file = (DOCS / path).resolve()
    if not file.is_relative_to(DOCS.resolve()) or not file.is_file():
        raise HTTPException(404, f"no document {path}")
    if file.suffix == ".md":
        body = Markup(_markdown.render(file.read_text(encoding="utf-8")))  # noqa: S704 (Markdown without HTML; our own files)
        return HTMLResponse(_pages.get_template("docs.html").render(files=[], body=body, title=_title(file)))
    if file.suffix in _SHOWN:
        return FileResponse(file)
    raise HTTPException(404, f"{path} is not a document")


def _title(file: Path) -> str:
    found = re.search(r"^# (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found.group(1) if found else file.stem
