import pytest

from postlaunch.errors import ReviewError
from postlaunch.reviews.mailboxes import Mailbox, mailbox, mailboxes


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("a@b.example", "a@b.example", ""),
        (" first.last+tag@b.example ", "first.last+tag@b.example", ""),
        ("root@localhost", "root@localhost", ""),
        ("Répörts <reviews@company.example>", "reviews@company.example", "Répörts"),
        ('"Doe, Jane" <jane@company.example>', "jane@company.example", "Doe, Jane"),
        ("a@münchen.example", "a@xn--mnchen-3ya.example", ""),
    ],
)
def test_an_address_has_an_envelope_form_and_a_name(text: str, address: str, name: str) -> None:
    assert mailbox(text, "from_email") == Mailbox(address, name)
    assert mailbox(text, "from_email").address.isascii()


@pytest.mark.parametrize(
    "text",
    [
        *("a@b,evil.c", "a@b.example, c@d.example", "a@b.example;c@d.example", ",a@b.example", "undisclosed:;", "team: a@b.example;"),
        *("a@b.example\r\nBcc: x@y.example", "a\x00@b.example", "", "nobody", "a@", "@b.example", "a b@c.example", "a@b@c", "a@b..c"),
        *("(x) a@b.example", "a@b.example (x)", "a@[127.0.0.1]", "a@b.example>", "ü@b.example", f"{'a' * 65}@b.example", "a@-b.example"),
    ],
)
def test_what_is_not_exactly_one_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ReviewError, match="--to: .*is not one mail address"):
        mailbox(text, "--to")


def test_an_address_that_is_given_twice_gets_one_mail() -> None:
    found = mailboxes(["a@b.example", "Dana <c@d.example>", "A@B.example"], "--to")
    assert [box.address for box in found] == ["a@b.example", "c@d.example"]
