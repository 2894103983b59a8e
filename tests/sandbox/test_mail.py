"""The mail catcher, spoken to as a mail program and a browser would."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from sandbox.mail import smtp_controller
from sandbox.mail_folder import MailFolder
from sandbox.mail_page import create_app
from sandbox.ports import HOST, free_port

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    return MailFolder(tmp_path / "mail")


@pytest.fixture
def smtp_port(folder: MailFolder) -> Iterator[int]:
    controller = smtp_controller(folder, free_port())
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def page(folder: MailFolder) -> TestClient:
    return TestClient(create_app(folder))


def _send(port: int, subject: str = "Daily review: EMR <Platform>") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "postlaunch@example.com", "lead@example.com", subject
    message.set_content("Uptime 99.9 %\n")
    message.add_alternative('<p>Uptime</p><img src="cid:uptime.1@postlaunch" alt="up">', subtype="html")
    html = message.get_payload()[1]
    html.add_related(PNG, "image", "png", cid="<uptime.1@postlaunch>")
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="figures.csv")
    with smtplib.SMTP(HOST, port, timeout=10) as client:
        client.send_message(message)


def test_each_mail_becomes_a_numbered_file_that_parses_back(folder: MailFolder, smtp_port: int) -> None:
    _send(smtp_port)
    _send(smtp_port, "Monthly")
    assert sorted(path.name for path in folder.folder.iterdir()) == ["0001-daily-review-emr-platform.eml", "0002-monthly.eml"]
    assert folder.mails()[0].subject == "Monthly"


def test_numbers_go_on_after_a_restart(folder: MailFolder, smtp_port: int) -> None:
    _send(smtp_port)
    again = MailFolder(folder.folder)
    assert again.store(b"Subject: next\r\n\r\nbody\r\n").number == 2


def test_the_page_shows_a_mail_with_its_inline_images(folder: MailFolder, smtp_port: int, page: TestClient) -> None:
    _send(smtp_port)
    assert "Daily review: EMR &lt;Platform&gt;" in page.get("/").text
    html = page.get("/mails/1/html").text
    assert "cid:" not in html
    address = html.split('src="')[1].split('"')[0]
    image = page.get(address)
    assert image.headers["content-type"] == "image/png"
    assert image.content == PNG
    assert page.get("/mails/1/text").text == "Uptime 99.9 %\n"


def test_an_attachment_is_downloaded_and_never_shown(smtp_port: int, page: TestClient) -> None:
    _send(smtp_port)
    shown = page.get("/mails/1").text
    assert "figures.csv" in shown
    address = re.findall(r'href="([^"]+)">figures\.csv<', shown)[0]
    part = page.get(address)
    assert part.content == b"a,b\n1,2\n"
    assert part.headers["content-disposition"].startswith("attachment")


def test_the_eml_file_is_what_was_sent(folder: MailFolder, smtp_port: int, page: TestClient) -> None:
    _send(smtp_port)
    raw = page.get("/mails/1/raw")
    assert raw.content == folder.mails()[0].path.read_bytes()
    assert raw.headers["content-type"] == "message/rfc822"


def test_an_unknown_mail_is_a_404(page: TestClient) -> None:
    assert page.get("/mails/99").status_code == 404
    assert page.get("/mails/99/html").status_code == 404


def test_the_documentation_is_served_beside_the_mails(page: TestClient) -> None:
    contents = page.get("/docs/").text
    addresses = re.findall(r'href="(/docs/[^"]+\.md)"', contents)
    assert addresses
    assert all("<article>" in page.get(address).text for address in addresses)


def test_no_file_outside_the_documentation_is_served(page: TestClient) -> None:
    assert page.get("/docs/%2e%2e/pyproject.toml").status_code == 404
    assert page.get("/docs/..%2f..%2f.local/secrets.json").status_code == 404
