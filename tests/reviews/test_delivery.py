"""Mails through a real SMTP server, and what is recorded of them."""

import dataclasses
import email
import email.policy
import os
import threading
from email.message import EmailMessage
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from postlaunch.errors import ReviewError
from postlaunch.reviews import Delivery, Review, deliver
from postlaunch.reviews.period import parse_period
from postlaunch.warehouse.db import connect

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
TO = ["leadership@company.example", "team@company.example"]


@pytest.fixture
def review(warehouse: str, story: ModuleType) -> Review:
    html = '<p>Überblick ✓</p><img src="cid:active-users.2026-03.emr@postlaunch" alt="Users grew.">' + "<p>filler</p>" * 500
    return Review(
        kind="monthly",
        launch_id="emr-platform",
        period=parse_period("monthly", "2026-03", story.EMR),
        subject="Monthly business review: EMR ✓ platform,\n March 2026",
        html=html,
        text="Überblick ✓\n",
        images={"active-users.2026-03.emr@postlaunch": PNG},
        publication_id=None,
    )


def recorded() -> list[tuple[Any, ...]]:
    with connect() as session:
        return session.execute(
            "select launch_id, review, period_start::text, period_end::text, attempt, recipients, message_id from ops.deliveries order by 5"
        ).fetchall()


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_a_preview_to_somebody_else_does_not_take_the_place_of_the_mail(review: Review, inbox: Any) -> None:
    assert deliver(review, ["me@company.example"]) is not None
    sent = deliver(review, TO)
    assert sent is not None
    assert sent.summary == f"mailed to {', '.join(TO)}"
    assert deliver(review, TO) is None
    assert len(inbox.mails) == 2


def test_the_mail_is_related_around_alternative_with_its_images(review: Review, inbox: Any) -> None:
    sent = deliver(review, TO)
    mail = parsed(inbox.mails[0])
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/related",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/png",
    ]
    assert (mail["From"], mail["To"]) == ("reviews@company.example", ", ".join(TO))
    assert mail["Subject"] == "Monthly business review: EMR ✓ platform, March 2026"
    assert mail["Message-ID"] == sent.message_id
    assert mail.get_body(("plain",)).get_content().strip() == "Überblick ✓"
    page = mail.get_body(("html",)).get_content()
    image = list(mail.walk())[-1]
    assert f"cid:{image['Content-ID'].strip('<>')}" in page
    assert image.get_content() == PNG
    assert image.get_content_disposition() == "inline"
    assert max(len(line) for line in inbox.mails[0].splitlines()) <= 998


def test_a_review_is_mailed_once_and_again_only_when_told(review: Review, inbox: Any) -> None:
    assert deliver(review, TO) == Delivery(recorded()[0][-1], 1, tuple(TO))
    assert deliver(review, TO) is None
    assert len(inbox.mails) == 1
    second = deliver(review, TO[:1], again=True)
    assert second is not None
    assert second.attempt == 2
    assert [row[4] for row in recorded()] == [1, 2]
    assert recorded()[0][:6] == ("emr-platform", "monthly", "2026-03-01", "2026-03-31", 1, TO)
    assert len({row[-1] for row in recorded()}) == 2


def test_another_period_or_launch_or_kind_is_another_review(review: Review, inbox: Any, story: ModuleType) -> None:
    others = [
        review,
        dataclasses.replace(review, launch_id="shop"),
        dataclasses.replace(review, period=parse_period("monthly", "2026-02", story.EMR)),
        *(
            dataclasses.replace(review, kind="verdict", period=parse_period("verdict", day, story.EMR))
            for day in ("day-7", "day-30", "day-60", "day-90")
        ),
    ]
    assert all(deliver(each, TO) for each in others)
    assert not any(deliver(each, TO) for each in others)
    assert len(inbox.mails) == len(others)


def test_two_workers_at_once_mail_once(review: Review, inbox: Any) -> None:
    results: list[Delivery | None] = []
    threads = [threading.Thread(target=lambda: results.append(deliver(review, TO))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inbox.mails) == 1
    assert sum(result is not None for result in results) == 1


def test_a_server_that_fails_leaves_no_delivery_so_that_a_retry_mails(review: Review, inbox: Any) -> None:
    inbox.is_full = True
    with pytest.raises(ReviewError, match="failed: .*the disk is full.*; nothing was mailed"):
        deliver(review, TO)
    assert recorded() == []
    inbox.is_full = False
    assert deliver(review, TO) is not None


def test_a_server_that_is_not_there_is_named_without_its_password(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_SMTP", "smtp://mailer:s3cret@127.0.0.1:9")
    with pytest.raises(ReviewError, match="the mail server 127.0.0.1:9 failed") as caught:
        deliver(review, TO)
    assert "s3cret" not in str(caught.value)
    assert "AIRFLOW_CONN_POSTLAUNCH_SMTP" in str(caught.value)
    assert recorded() == []


def test_one_refused_recipient_does_not_keep_the_mail_from_the_others(review: Review, inbox: Any) -> None:
    inbox.refused = {TO[1]}
    sent = deliver(review, TO)
    assert sent is not None
    assert (sent.recipients, sent.refused) == ((TO[0],), (TO[1],))
    assert recorded()[0][5] == [TO[0]]
    inbox.refused = set(TO)
    with pytest.raises(ReviewError, match="refuses every recipient .*no such mailbox"):
        deliver(review, TO, again=True)
    assert len(recorded()) == 1


def test_without_recipients_the_setting_is_named(review: Review) -> None:
    with pytest.raises(ReviewError, match="reviews.recipients.monthly in the file of launch emr-platform"):
        deliver(review, [])


def test_a_recipient_that_is_two_addresses_is_refused_before_anybody_gets_the_mail(review: Review, inbox: Any) -> None:
    with pytest.raises(ReviewError, match="recipients of the monthly review of launch emr-platform: 'a@b,evil.c' is not one mail address"):
        deliver(review, [*TO, "a@b,evil.c"])
    assert recorded() == inbox.mails == []


def test_names_beside_addresses_stay_out_of_envelope_and_record(review: Review, inbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    address = os.environ["AIRFLOW_CONN_POSTLAUNCH_SMTP"].partition("?")[0]
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_SMTP", f"{address}?from_email={quote('Répörts <reviews@company.example>')}")
    sent = deliver(review, ["Zoë <zoe@company.example>", "zoe@company.example"])
    assert sent is not None
    assert sent.recipients == ("zoe@company.example",)
    assert sent.message_id.endswith("@company.example>")
    assert recorded()[0][5] == ["zoe@company.example"]
    mail = parsed(inbox.mails[0])
    assert (mail["From"], mail["To"]) == ("Répörts <reviews@company.example>", "Zoë <zoe@company.example>")
    assert inbox.mails[0].isascii(), "servers without 8BITMIME and SMTPUTF8 take it too"


def test_a_subject_from_outside_stays_one_short_line_that_reads_forward(review: Review, inbox: Any) -> None:
    deliver(dataclasses.replace(review, subject="Daily review: \u202eMRE\x07 platform\r\nBcc: x@y.example " + "long " * 100), TO)
    mail = parsed(inbox.mails[0])
    assert str(mail["Subject"]).startswith("Daily review: MRE platform Bcc: x@y.example")
    assert len(mail["Subject"]) <= 180
    assert mail["Bcc"] is None
