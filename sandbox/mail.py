"""A mail server that delivers to nobody: it keeps each mail as a file and shows it in a page.

    SMTP 127.0.0.1:18025  ->  .local/mail/0007-daily-review-emr-platform.eml  ->  http://127.0.0.1:18080/mails/7

Run it with `python -m sandbox.mail --smtp-port N --page-port N --folder DIR`; SIGTERM ends it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.mail_folder import MailFolder
from sandbox.mail_page import create_app
from sandbox.ports import DEFAULTS, HOST


class CatchAll:
    """aiosmtpd handler: takes every mail for everybody."""

    def __init__(self, folder: MailFolder) -> None:
        """Mails go to `folder`."""
        self._folder = folder

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (the name that aiosmtpd calls)
        """Keep the message; the answer names the file."""
        content = envelope.original_content
        if not content:
            return "550 empty message"
        stored = self._folder.store(content)
        return f"250 kept as {stored.path.name}"


def smtp_controller(folder: MailFolder, port: int) -> Controller:
    """The SMTP side, on the loopback; `start()` and `stop()` it."""
    return Controller(CatchAll(folder), hostname=HOST, port=port, enable_SMTPUTF8=True)


def main() -> None:
    """Serve SMTP and the page until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mail", description="Mail catcher on the loopback.")
    parser.add_argument("--smtp-port", type=int, default=DEFAULTS["smtp"])
    parser.add_argument("--page-port", type=int, default=DEFAULTS["mail"])
    parser.add_argument("--folder", type=Path, default=Path(".local/mail"))
    arguments = parser.parse_args()
    folder = MailFolder(arguments.folder.resolve())
    controller = smtp_controller(folder, arguments.smtp_port)
    controller.start()
    try:
        uvicorn.run(create_app(folder), host=HOST, port=arguments.page_port, log_level="warning")
    finally:
        controller.stop()


if __name__ == "__main__":
    main()
