"""Connections in Airflow's own notation, read without Airflow, so that command line and DAGs are configured once.

    AIRFLOW_CONN_POSTLAUNCH_ZENDESK=https://agent%40example.com:token@example.zendesk.com
    AIRFLOW_CONN_POSTLAUNCH_ZENDESK={"conn_type": "http", "host": "https://example.zendesk.com", "login": "...", "password": "..."}

`limits` among the extras says how many calls the account may make, where that is not what the API documents:

    AIRFLOW_CONN_POSTLAUNCH_ZENDESK=https://agent%40example.com:token@example.zendesk.com?limits=30/minute

Format: https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from postlaunch.errors import ConfigError

WAREHOUSE = "postlaunch_warehouse"
SMTP = "postlaunch_smtp"

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_LIMIT = re.compile(r"([1-9]\d*)/([1-9]\d*)? ?(second|minute|hour|day)s?")


@dataclass(frozen=True)
class Limit:
    """At most `calls` in any window of `seconds`."""

    calls: int
    seconds: int

    def __str__(self) -> str:
        """As people say it: 60 calls an hour, 30 calls in 5 minutes."""
        unit, length = next((unit, length) for unit, length in reversed(_UNITS.items()) if self.seconds % length == 0)
        calls, units = f"{self.calls:,} {'call' if self.calls == 1 else 'calls'}", self.seconds // length
        return f"{calls} in {units} {unit}s" if units > 1 else f"{calls} {'an' if unit == 'hour' else 'a'} {unit}"


@dataclass(frozen=True)
class Connection:
    """One connection. The password never shows in a repr, hence never in a log or a traceback of it."""

    conn_id: str
    conn_type: str
    host: str
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    schema: str | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def base_url(self) -> str:
        """Scheme, host, port and path prefix without credentials or trailing slash, for example https://api.pagerduty.com."""
        prefix = f"/{self.schema.strip('/')}" if self.schema else ""
        if "://" in self.host:
            return self.host.rstrip("/") + (f":{self.port}" if self.port else "") + prefix
        scheme = str(self.extra.get("scheme") or (self.conn_type if self.conn_type in ("http", "https") else "https"))
        return f"{scheme}://{self.host}" + (f":{self.port}" if self.port else "") + prefix

    def without_secrets(self, text: str) -> str:
        """A text that an API or a library said, without the password in any form in which they may repeat it."""
        for form in self._secret_forms:
            text = text.replace(form, "***")
        return text

    @property
    def _secret_forms(self) -> list[str]:
        password, login = self.password or "", self.login or ""
        if not password:
            return []
        accounts = (f"{login}:{password}", f"{login}/token:{password}", f"{password}:", f":{password}", password)
        encoded = {base64.b64encode(account.encode()).decode().rstrip("=") for account in accounts}
        written = {password, quote(password, safe=""), quote_plus(password), json.dumps(password)[1:-1], html.escape(password)}
        return sorted(encoded | written, key=len, reverse=True)

    @property
    def limits(self) -> tuple[Limit, ...] | None:
        """What the extra `limits` says: `60/hour,3/second`, `60/5minutes`, or `none`; None if it says nothing. Raises ConfigError."""
        text = self.extra.get("limits")
        if text is None:
            return None
        if text == "none":
            return ()
        found = [_LIMIT.fullmatch(part.strip()) for part in str(text).split(",")]
        if None in found:
            raise ConfigError(f"{variable_name(self.conn_id)}: limits={text!r} is not understood; write 60/hour,3/second or none")
        return tuple(Limit(int(match[1]), int(match[2] or 1) * _UNITS[match[3]]) for match in found if match)


def variable_name(conn_id: str) -> str:
    """The environment variable of a connection, as Airflow names it."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def get_connection(conn_id: str) -> Connection:
    """Read a connection from the environment. Raises ConfigError that names the variable, never its value."""
    variable = variable_name(conn_id)
    value = os.environ.get(variable)
    if not value:
        raise ConfigError(f"connection {conn_id!r} is not set: export {variable} as a URI or JSON (see .env.example)")
    connection = _from_json(conn_id, value) if value.lstrip().startswith("{") else _from_uri(conn_id, value)
    if not connection.host:
        raise ConfigError(f"{variable} names no host; expected for example https://login:password@host:port")
    if "@" in f"{connection.host}{connection.schema}":
        raise ConfigError(
            f"{variable}: `@` in host or path; percent-encode special characters of a URI, in JSON use the keys login and password"
        )
    if any(ord(letter) < 32 for letter in f"{connection.login}{connection.password}"):
        raise ConfigError(f"{variable}: login or password holds a line break or another control character")
    return connection


def _from_json(conn_id: str, value: str) -> Connection:
    try:
        fields = json.loads(value)
        extra = fields.get("extra") or {}
        return _with_scheme(
            Connection(
                conn_id=conn_id,
                conn_type=fields.get("conn_type", ""),
                host=fields.get("host") or "",
                port=int(fields["port"]) if fields.get("port") else None,
                login=fields.get("login"),
                password=fields.get("password"),
                schema=fields.get("schema"),
                extra=json.loads(extra) if isinstance(extra, str) else extra,
            )
        )
    except (ValueError, AttributeError):  # the cause would quote the value, password and all
        raise ConfigError(f"{variable_name(conn_id)} is not valid connection JSON") from None


def _from_uri(conn_id: str, value: str) -> Connection:
    try:
        parts = urlsplit(value)
        port = parts.port
        extra: dict[str, Any] = dict(parse_qsl(parts.query))
        if "__extra__" in extra:
            extra = json.loads(extra["__extra__"])
    except ValueError:
        raise ConfigError(f"{variable_name(conn_id)} is not a valid URI; percent-encode special characters in a password") from None
    return _with_scheme(
        Connection(
            conn_id=conn_id,
            conn_type=parts.scheme.replace("-", "_"),
            host=unquote(parts.hostname or ""),
            port=port,
            login=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            schema=unquote(parts.path.lstrip("/")) or None,
            extra=extra,
        )
    )


def _with_scheme(connection: Connection) -> Connection:
    """Airflow's own form: conn_type http and schema https means TLS, not a path."""
    if connection.schema not in ("http", "https"):
        return connection
    return replace(connection, schema=None, extra={"scheme": connection.schema, **connection.extra})
