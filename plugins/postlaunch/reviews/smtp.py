"""A session with the mail server of the connection `postlaunch_smtp`: encrypted where the server can, never a password in clear.

port 465, or ssl=true   TLS from the first byte
otherwise               STARTTLS when the server offers it; starttls=true insists on it, starttls=false never asks
login and password      only over TLS; login_in_clear=true is how a connection says that it means to send them in clear
certificates            verified with the system's authorities; ca_file=/path for a private one, verify=false not at all
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

from postlaunch.config.connections import SMTP, Connection, variable_name
from postlaunch.errors import ReviewError

TIMEOUT_SECONDS = 30  # for a server that does not answer
_IMPLICIT_TLS_PORT = 465  # RFC 8314: TLS from the first byte
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def send(server: Connection, mail: EmailMessage, sender: str, recipients: Sequence[str]) -> tuple[str, ...]:
    """Hand the mail over; returns the recipients that were refused. `sender` and `recipients` are plain ASCII addresses.

    Raises ReviewError that names the server and the variable; the password never appears in it.
    """
    place = f"{server.host}:{server.port or 25}"
    try:
        with contextlib.closing(_open(server, place)) as smtp:
            if server.login:
                _log_in(smtp, server, place)
            refused = tuple(smtp.send_message(mail, sender, list(recipients)))
            with contextlib.suppress(smtplib.SMTPException, OSError):  # the mail is accepted: an odd goodbye must not send it again
                smtp.quit()
            return refused
    except smtplib.SMTPAuthenticationError:
        raise ReviewError(f"the mail server {place} refuses the login of {variable_name(SMTP)}; nothing was mailed") from None
    except smtplib.SMTPRecipientsRefused as error:
        reasons = "; ".join(f"{address}: {reply.decode(errors='replace')}" for address, (_, reply) in error.recipients.items())
        raise ReviewError(f"the mail server {place} refuses every recipient ({reasons}); nothing was mailed") from None
    except ssl.SSLCertVerificationError as error:
        raise ReviewError(
            f"the certificate of the mail server {place} is not trusted: {error.verify_message}; nothing was mailed "
            f"(a private authority: add ca_file=/path/to/ca.pem to {variable_name(SMTP)})"
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        said = server.without_secrets(str(error))
        raise ReviewError(f"the mail server {place} failed: {said}; nothing was mailed (check {variable_name(SMTP)})") from None


def _open(server: Connection, place: str) -> smtplib.SMTP:
    """A session that is encrypted if the server can, or the connection says so."""
    if server.port == _IMPLICIT_TLS_PORT or flag(server, "ssl"):
        return smtplib.SMTP_SSL(server.host, server.port or _IMPLICIT_TLS_PORT, timeout=TIMEOUT_SECONDS, context=_context(server))
    smtp = smtplib.SMTP(server.host, server.port or 25, timeout=TIMEOUT_SECONDS)
    try:
        _upgrade(smtp, server, place)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _upgrade(smtp: smtplib.SMTP, server: Connection, place: str) -> None:
    wanted = flag(server, "starttls")
    smtp.ehlo_or_helo_if_needed()
    offered = smtp.has_extn("starttls")
    if wanted and not offered:
        raise ReviewError(f"the mail server {place} offers no STARTTLS, and {variable_name(SMTP)} insists on it; nothing was mailed")
    if offered and wanted is not False:
        smtp.starttls(context=_context(server))


def _log_in(smtp: smtplib.SMTP, server: Connection, place: str) -> None:
    """Log in over TLS, or in clear where the connection says so. Raises ReviewError before anything secret is sent."""
    if not isinstance(smtp.sock, ssl.SSLSocket) and not flag(server, "login_in_clear"):
        why = "starttls=false" if flag(server, "starttls") is False else "the server offers no STARTTLS"
        raise ReviewError(
            f"the password for the mail server {place} would go out in clear ({why}); nothing was mailed. Use port 465 or STARTTLS, or add "
            f"login_in_clear=true to {variable_name(SMTP)}"
        )
    smtp.ehlo_or_helo_if_needed()
    if not smtp.has_extn("auth"):
        raise ReviewError(f"the mail server {place} offers no login, and {variable_name(SMTP)} has one; nothing was mailed")
    smtp.login(server.login or "", server.password or "")


def _context(server: Connection) -> ssl.SSLContext:
    """Verifies certificate and host name unless the connection says otherwise. Raises ReviewError for a `ca_file` that is not one."""
    ca_file = server.extra.get("ca_file")
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ReviewError(f"{variable_name(SMTP)}: ca_file={ca_file}: {error.strerror or error}") from None
    if flag(server, "verify") is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def flag(server: Connection, name: str) -> bool | None:
    """A yes or no among the extras, None if it is not there. Raises ReviewError for anything else: a typo must not turn TLS off."""
    text = str(server.extra.get(name, "")).strip().lower()
    if text and text not in _YES + _NO:
        raise ReviewError(f"{variable_name(SMTP)}: {name}={text!r} is neither true nor false")
    return None if not text else text in _YES
