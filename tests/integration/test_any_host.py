"""Each connector works against a host that is not the sandbox, given by its AIRFLOW_CONN_* alone: name, port, scheme, path, credentials.

    connector  ->  apis.example:port/proxy/eu (127.0.0.2, plain or TLS)  ->  credentials of the connection?  ->  simulator

The door in front of the simulator lets only the credentials of the connection through, the accounts of the sandbox not. Names other than
`apis.example` are not resolved, and nothing but its address is connected to.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp, Receive, Scope, Send

from postlaunch.config.launch import SOURCES, Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.config.settings import load_settings
from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.ingest import ingest
from postlaunch.sources import base
from sandbox.apis import Limits, create_app, credentials
from sandbox.state import source_connections
from tests.conftest import CLOCK, LAUNCH_DATE
from tests.integration.test_any_order import difference, rows

HOST, ADDRESS, PREFIX = "apis.example", "127.0.0.2", "/proxy/eu"
WINDOWS = {
    "mixpanel": (dt.date(2026, 1, 12), dt.date(2026, 1, 12)),
    "zendesk": (dt.date(2026, 4, 11), dt.date(2026, 4, 11)),
    "pagerduty": (dt.date(2026, 3, 1), dt.date(2026, 3, 14)),
    "prometheus": (dt.date(2026, 2, 17), dt.date(2026, 2, 17)),
}
LOGIN, PASSWORD = "ägent+eu@example.com/%41", "p@ss:w/rd%2B+=? ünï€&#"
TOKEN = "y_NbAkKc66ryYTWUXYEu+/=%:@"  # a header takes no other letters
AUTHORITY = {  # the variable that names further authorities: urllib, httpx and httpx2 read the one, requests reads the other
    "mixpanel": "SSL_CERT_FILE",
    "zendesk": "REQUESTS_CA_BUNDLE",
    "pagerduty": "SSL_CERT_FILE",
    "prometheus": "SSL_CERT_FILE",
}
SANDBOX = {
    "mixpanel": f"Basic {base64.b64encode(f'{credentials.MIXPANEL_USER}:{credentials.MIXPANEL_SECRET}'.encode()).decode()}",
    "zendesk": f"Basic {base64.b64encode(f'{credentials.ZENDESK_EMAIL}/token:{credentials.ZENDESK_TOKEN}'.encode()).decode()}",
    "pagerduty": f"Token token={credentials.PAGERDUTY_TOKEN}",
    "prometheus": f"Basic {base64.b64encode(b'prometheus:behind-a-door').decode()}",
}


def expected_header(source: Source) -> str:
    """What a client with the connection's credentials says."""
    if source == "pagerduty":
        return f"Token token={TOKEN}"
    login = f"{LOGIN}/token" if source == "zendesk" else LOGIN
    return f"Basic {base64.b64encode(f'{login}:{PASSWORD}'.encode()).decode()}"


@dataclass
class Door:
    """Lets the right credentials through to `app`, with the sandbox's own instead, under a path of its own."""

    app: ASGIApp
    refused: list[str] = field(default_factory=list)
    passed: int = 0
    hosts: set[str] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        source = next((name for name in SOURCES if scope["path"].startswith(f"{PREFIX}/{name}/")), None)
        self.hosts.add(headers["host"])
        if source is None or headers.get("authorization") != expected_header(source):
            self.refused.append(scope["path"])
            await send({"type": "http.response.start", "status": 404 if source is None else 401, "headers": []})
            await send({"type": "http.response.body", "body": b"not here"})
            return
        self.passed += 1
        changed = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
        changed.append((b"authorization", SANDBOX[source].encode()))
        await self.app({**scope, "path": scope["path"].removeprefix(PREFIX), "raw_path": None, "headers": changed}, receive, send)


@contextmanager
def served(app: Any, **options: Any) -> Iterator[int]:
    """The port of an application on 127.0.0.2."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind((ADDRESS, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass(frozen=True)
class Places:
    """The door, its ports, and the certificate authority that signed for it."""

    door: Door
    plain: int
    tls: int
    authority: Path


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    state = tmp_path_factory.mktemp("sandbox")
    app = create_app(state, launch_date=LAUNCH_DATE, now=CLOCK, limits=Limits.none(), prometheus_auth=("prometheus", "behind-a-door"))
    door, folder = Door(app), tmp_path_factory.mktemp("certificates")
    certify(folder)
    options = {"ssl_certfile": folder / "host.pem", "ssl_keyfile": folder / "host.key"}
    with served(door) as plain, served(door, **options) as tls:
        yield Places(door, plain, tls, folder / "authority.pem")


def certify(folder: Path) -> None:
    """An authority of our own, and a certificate of it for the host."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Authority of the house", HOST)]
    now = dt.datetime.now(dt.UTC)
    for number, file in enumerate(("authority", "host")):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number])
            .issuer_name(names[0])
            .public_key(keys[number].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
        )
        if number == 1:
            address = x509.IPAddress(ipaddress.ip_address(ADDRESS))
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST), address]), critical=False)
        certificate = builder.sign(keys[0], hashes.SHA256())
        (folder / f"{file}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = keys[number].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{file}.key").write_bytes(secret)


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_warehouse, autocommit=True) as session:
        yield session


@pytest.fixture(scope="module", autouse=True)
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTLAUNCH_LANDING", str(tmp_path_factory.mktemp("landing")))
        patch.setattr(base.PATIENCE, "attempts", 2)
        patch.setattr(base.PATIENCE, "first_wait", 0.01)
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


@pytest.fixture(scope="module")
def plain_rows(session: psycopg.Connection, emr: Launch, impatient: None, module_apis: str) -> Callable[[Source], dict[str, list[str]]]:
    """The rows of the plain sandbox."""

    @cache
    def of(source: Source) -> dict[str, list[str]]:
        launch = emr.model_copy(update={"launch": f"plain-{source}"})
        with pytest.MonkeyPatch.context() as patch:
            for name in SOURCES:
                variable = f"AIRFLOW_CONN_POSTLAUNCH_{name.upper()}"
                patch.setenv(variable, f"{source_connections(module_apis)[variable]}/?limits=none")
            ingest(source, launch, *WINDOWS[source])
        return rows(session, source, launch.launch)

    return of


@pytest.fixture
def nowhere_else(monkeypatch: pytest.MonkeyPatch, places: Places) -> set[tuple[str, int]]:
    """Only the host has an address, and only its ports are connected to; returns what was."""
    connected: set[tuple[str, int]] = set()
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host != HOST:
            raise socket.gaierror(f"{host} is asked for, which is not {HOST}")
        return resolve(ADDRESS, port, *arguments, **options)

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            if address[:2] not in ((ADDRESS, places.plain), (ADDRESS, places.tls)):
                raise ConnectionRefusedError(f"a connection to {address}")
            connected.add(address[:2])
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", guarded)
    return connected


def as_uri(source: Source, places: Places) -> str:
    return f"http://{account(source)}@{HOST}:{places.plain}{PREFIX}/{source}?limits=none"


def as_uri_of_tls(source: Source, places: Places) -> str:
    return f"https://{account(source)}@{HOST}:{places.tls}{PREFIX}/{source}/?limits=none"


def as_uri_with_scheme(source: Source, places: Places) -> str:
    extra = quote(json.dumps({"scheme": "https", "limits": "none"}), safe="")
    return f"generic://{account(source)}@{HOST}:{places.tls}{quote(f'{PREFIX}/{source}', safe='/')}?__extra__={extra}"


def as_json(source: Source, places: Places) -> str:
    fields = {"conn_type": "http", "host": HOST, "port": places.tls, "schema": f"{PREFIX}/{source}"}
    return json.dumps({**fields, **names(source), "extra": {"scheme": "https", "limits": "none"}})


def as_json_with_url(source: Source, places: Places) -> str:
    """As Airflow's form writes it: the extra is a text."""
    fields = {"conn_type": "http", "host": f"http://{HOST}:{places.plain}{PREFIX}/{source}/"}
    return json.dumps({**fields, **names(source), "extra": json.dumps({"limits": "none"})})


NOTATIONS = [as_uri, as_uri_of_tls, as_uri_with_scheme, as_json, as_json_with_url]


def names(source: Source) -> dict[str, str]:
    return {"login": "", "password": TOKEN} if source == "pagerduty" else {"login": LOGIN, "password": PASSWORD}


def account(source: Source) -> str:
    return ":".join(quote(text, safe="") for text in names(source).values())


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_connection_is_all_that_a_connector_needs(
    source: Source,
    notation: Callable[[Source, Places], str],
    session: psycopg.Connection,
    emr: Launch,
    places: Places,
    plain_rows: Callable[[Source], dict[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    expected = plain_rows(source)
    launch = emr.model_copy(update={"launch": f"{notation.__name__}-{source}"})
    monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", notation(source, places))
    monkeypatch.setenv(AUTHORITY[source], str(places.authority))
    connected = request.getfixturevalue("nowhere_else")
    places.door.refused.clear()
    places.door.hosts.clear()
    ingest(source, launch, *WINDOWS[source])
    port = places.plain if "http://" in notation(source, places) else places.tls
    assert difference(rows(session, source, launch.launch), expected) == []
    assert connected == {(ADDRESS, port)}
    assert places.door.hosts == {f"{HOST}:{port}"}
    assert places.door.refused == []
    scheme = "http" if port == places.plain else "https"
    told = [json.loads(path.read_text())["request"]["url"] for path in manifests(source, launch.launch)]
    assert told
    assert [url for url in told if not url.startswith(f"{scheme}://{HOST}:{port}{PREFIX}/{source}/")] == []


def manifests(source: Source, launch: str) -> list[Path]:
    return list(Path(load_settings().landing, source, launch).rglob("manifest.json"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_certificate_of_an_unknown_authority_is_refused(
    source: Source, warehouse: str, emr: Launch, places: Places, nowhere_else: set[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", as_uri_of_tls(source, places))
    before = places.door.passed
    with pytest.raises(SourceError, match=rf"{source}: no answer from https://{HOST}.*certificate.verify.failed.*AIRFLOW_CONN_POSTLAUNCH_"):
        ingest(source, emr, *WINDOWS[source])
    assert places.door.passed == before


@pytest.mark.parametrize("source", SOURCES)
def test_the_door_knows_no_other_credentials(
    source: Source, warehouse: str, emr: Launch, places: Places, monkeypatch: pytest.MonkeyPatch, nowhere_else: set[tuple[str, int]]
) -> None:
    address = as_uri(source, places).replace(account(source), f"someone:{credentials.PAGERDUTY_TOKEN}")
    monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", address)
    with pytest.raises(SourceAuthError, match="answered 401"):
        ingest(source, emr, *WINDOWS[source])
