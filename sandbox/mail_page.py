"""The page of the mail catcher: the list, one mail as its reader sees it, its parts, the file itself; and the documentation."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from sandbox import docs_page
from sandbox.mail_folder import MailFolder, StoredMail

# The page shows mails of strangers: no script, nothing from outside.
_CONTENT_POLICY = {"Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"}
_INLINE_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/svg+xml"}

_router = APIRouter()
_pages = Environment(loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=select_autoescape())


def create_app(folder: MailFolder) -> FastAPI:
    """The page over one folder of mails."""
    app = FastAPI(title="postlaunch mail catcher", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.folder = folder
    app.include_router(_router)
    app.include_router(docs_page.router)
    return app


def _folder(request: Request) -> MailFolder:
    folder: MailFolder = request.app.state.folder
    return folder


def _found(number: int, folder: Annotated[MailFolder, Depends(_folder)]) -> StoredMail:
    mail = folder.mail(number)
    if mail is None:
        raise HTTPException(404, f"no mail {number} in {folder.folder}")
    return mail


Folder = Annotated[MailFolder, Depends(_folder)]
Found = Annotated[StoredMail, Depends(_found)]


@_router.get("/")
def index(folder: Folder) -> HTMLResponse:
    """All mails, the newest first."""
    return HTMLResponse(_pages.get_template("mails.html").render(mails=[mail.summary() for mail in folder.mails()], folder=folder.folder))


@_router.get("/api/mails")
def listing(folder: Folder) -> list[dict[str, Any]]:
    """The list for programs."""
    return [mail.summary() for mail in folder.mails()]


@_router.get("/mails/{number}")
def show(mail: Found) -> HTMLResponse:
    """One mail: its HTML in a frame without scripts, its text, its files."""
    parts = [(index, part.get_filename() or part.get_content_type()) for index, part in enumerate(mail.parts) if _is_file(part)]
    page = _pages.get_template("mail.html")
    return HTMLResponse(page.render(mail=mail.summary(), has_html=mail.body("html") is not None, text=mail.body("plain"), parts=parts))


@_router.get("/mails/{number}/html")
def html(mail: Found) -> HTMLResponse:
    """The HTML part with its inline images."""
    body = mail.body("html")
    if body is None:
        raise HTTPException(404, f"mail {mail.number} has no HTML part")
    return HTMLResponse(resolve_images(mail, body), headers=_CONTENT_POLICY)


@_router.get("/mails/{number}/text")
def text(mail: Found) -> PlainTextResponse:
    """The text part."""
    return PlainTextResponse(mail.body("plain") or "")


@_router.get("/mails/{number}/parts/{index}")
def part(mail: Found, index: int) -> Response:
    """One part: images are shown, everything else is downloaded."""
    if not 0 <= index < len(mail.parts):
        raise HTTPException(404, f"mail {mail.number} has parts 0 to {len(mail.parts) - 1}")
    return _part_response(mail.parts[index])


@_router.get("/mails/{number}/raw")
def raw(mail: Found) -> FileResponse:
    """The .eml file, byte for byte."""
    return FileResponse(mail.path, media_type="message/rfc822", filename=mail.path.name)


def resolve_images(mail: StoredMail, body: str) -> str:
    """`cid:` addresses (RFC 2392) become addresses of the page; unknown ones stay as they are."""
    addresses = {
        str(one["content-id"]).strip().strip("<>"): f"/mails/{mail.number}/parts/{index}"
        for index, one in enumerate(mail.parts)
        if one["content-id"]
    }
    return re.sub(r"cid:([^\"'\s)>]+)", lambda match: addresses.get(match.group(1), match.group(0)), body)


def _is_file(part: EmailMessage) -> bool:
    return part.get_content_disposition() is not None or part.get_content_maintype() != "text"


def _part_response(part: EmailMessage) -> Response:
    kind = part.get_content_type()
    payload = part.get_payload(decode=True)
    headers = dict(_CONTENT_POLICY)
    if kind not in _INLINE_IMAGES:
        kind = "application/octet-stream"
        name = re.sub(r"[^A-Za-z0-9._-]", "_", part.get_filename() or "part")
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(payload if isinstance(payload, bytes) else b"", media_type=kind, headers=headers)
