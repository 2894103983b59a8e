"""What goes over the wire to real mail servers: with and without TLS, with and without a login, with and without SMTPUTF8."""

# ruff: noqa: ARG002, N802  (aiosmtpd names the hooks and their arguments)
import datetime as dt
import email.policy
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from postlaunch.config.connections import SMTP, get_connection
from postlaunch.errors import ReviewError
from postlaunch.reviews import smtp
from postlaunch.reviews.mailboxes import mailbox
from sandbox.ports import free_port

PASSWORD = "c0rrect horse"
TO = ["leadership@company.example"]


class Server:
    """Notes each mail and login, and whether the session was encrypted then."""

    def __init__(self) -> None:
        self.mails: list[tuple[bool, bytes, bytes, list[str]]] = []
        self.logins: list[tuple[bool, bytes, bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((session.ssl is not None, envelope.mail_from, envelope.content, envelope.rcpt_tos))
        return "250 taken"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((session.ssl is not None, data.login, data.password))
        return AuthResult(success=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.company.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, private)
    return certificate, context


Start = Callable[..., tuple[Server, int]]


@pytest.fixture
def start(certificate: tuple[Path, ssl.SSLContext]) -> Iterator[Start]:
    """Starts servers: `tls` offers STARTTLS, `auth` a login (after STARTTLS only where that is offered, else in clear)."""
    running: list[Controller] = []

    def run(*, tls: bool, auth: bool = False) -> tuple[Server, int]:
        server = Server()
        options: dict[str, Any] = {"tls_context": certificate[1]} if tls else {}
        if auth:
            options |= {"authenticator": server.authenticate, "auth_require_tls": tls}
        controller = Controller(server, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=False, **options)
        controller.start()
        running.append(controller)
        return server, controller.port

    yield run
    for controller in running:
        controller.stop()


def mail(sender: str = "reviews@company.example") -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = "Überblick ✓"
    message["From"] = mailbox(sender, "from_email").header
    message["To"] = [mailbox(address, "--to").header for address in TO]
    message.set_content("✓\n")
    return message


def send(monkeypatch: pytest.MonkeyPatch, port: int, *, login: bool = False, **extra: object) -> None:
    account = f"mailer:{PASSWORD.replace(' ', '%20')}@" if login else ""
    query = "&".join(f"{name}={value}" for name, value in extra.items())
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_SMTP", f"smtp://{account}127.0.0.1:{port}/?{query}")
    smtp.send(get_connection(SMTP), mail(), "reviews@company.example", TO)


def test_a_session_is_encrypted_where_the_server_offers_it(
    start: Start, certificate: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, port = start(tls=True, auth=True)
    send(monkeypatch, port, login=True, ca_file=certificate[0])
    assert server.logins == [(True, b"mailer", PASSWORD.encode())]
    assert [encrypted for encrypted, *_ in server.mails] == [True]


def test_a_password_never_goes_out_in_clear_unasked(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = start(tls=False, auth=True)
    with pytest.raises(ReviewError, match=r"would go out in clear \(the server offers no STARTTLS\).*login_in_clear=true") as caught:
        send(monkeypatch, port, login=True)
    assert PASSWORD not in str(caught.value)
    with pytest.raises(ReviewError, match=r"would go out in clear \(starttls=false\)"):
        send(monkeypatch, port, login=True, starttls="false")
    assert server.logins == server.mails == []
    send(monkeypatch, port, login=True, login_in_clear="true")
    assert server.logins == [(False, b"mailer", PASSWORD.encode())]


def test_a_server_without_tls_and_login_is_served_in_clear_unless_the_connection_insists(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, port = start(tls=False)
    send(monkeypatch, port)
    assert [encrypted for encrypted, *_ in server.mails] == [False]
    with pytest.raises(ReviewError, match="offers no STARTTLS, and AIRFLOW_CONN_POSTLAUNCH_SMTP insists on it"):
        send(monkeypatch, port, starttls="true")
    assert len(server.mails) == 1


def test_a_certificate_that_nobody_vouches_for_stops_the_mail(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = start(tls=True, auth=True)
    with pytest.raises(ReviewError, match=r"certificate of the mail server .* is not trusted: self-signed certificate.*ca_file"):
        send(monkeypatch, port, login=True)
    assert server.logins == server.mails == []
    send(monkeypatch, port, login=True, verify="false")
    assert [encrypted for encrypted, *_ in server.logins] == [True]


def test_a_login_that_the_server_does_not_offer_is_named(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = start(tls=False)
    with pytest.raises(ReviewError, match="offers no login"):
        send(monkeypatch, port, login=True, login_in_clear="true")
    assert server.mails == []


def test_a_switch_that_is_neither_true_nor_false_turns_nothing_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, port = start(tls=True)
    with pytest.raises(ReviewError, match="verify='flase' is neither true nor false"):
        send(monkeypatch, port, verify="flase")
    with pytest.raises(ReviewError, match="ca_file=/nowhere.pem: No such file"):
        send(monkeypatch, port, ca_file="/nowhere.pem")


def test_a_sender_with_a_name_beyond_ascii_needs_no_smtputf8(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = start(tls=False)
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_SMTP", f"smtp://127.0.0.1:{port}")
    sender = "Répörts ✓ <reviews@company.example>"
    smtp.send(get_connection(SMTP), mail(sender), mailbox(sender, "from_email").address, TO)
    _, envelope, raw, recipients = server.mails[0]
    assert (envelope, recipients) == ("reviews@company.example", TO)
    assert raw.partition(b"\r\n\r\n")[0].isascii()
    assert email.message_from_bytes(raw, policy=email.policy.default)["From"] == sender
