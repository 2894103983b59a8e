"""The warehouse connection is encrypted as its options say, for every role, the gate and dbt, or it is refused: never in clear."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postlaunch.config.connections import WAREHOUSE, get_connection
from postlaunch.config.settings import load_settings
from postlaunch.errors import ConfigError, WarehouseError
from postlaunch.marts.dbt_run import dbt_environment
from postlaunch.warehouse.db import connect, keywords
from sandbox.postgres import PostgresServer
from tests.warehouse.tls_front import TlsFront

VARIABLE = "AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"


class Authority:
    """A certificate authority of our own, and what it signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._sign(self._name, self._key, is_authority=True))

    def certify(self, name: str) -> tuple[Path, Path]:
        """Certificate and key, for a host of the loopback or a login."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, is_authority=False))
        secret.touch(mode=0o600)
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate, secret

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> bytes:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(hours=1))
        builder = builder.not_valid_after(now + dt.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if not is_authority:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture
def front(warehouse: str, server: PostgresServer, authority: Authority) -> TlsFront:
    """TLS before the server of the sandbox, which is built without it; a certificate of a client is looked at where there is one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.load_cert_chain(*authority.certify("server"))
    context.verify_mode = ssl.CERT_OPTIONAL
    return TlsFront(context, server.port)


@pytest.fixture
def tls(front: TlsFront, warehouse: str, server: PostgresServer) -> Iterator[str]:
    """Address of a migrated warehouse that is reached over TLS alone."""
    with front.listening() as port:
        yield warehouse.replace(f":{server.port}/", f":{port}/")


def by_psycopg() -> Any:
    with connect("loader") as session:
        return session.execute("select 1").fetchone()


def by_the_gate() -> Any:
    """Great Expectations judges what this role read; it has no connection of its own."""
    with connect("auditor") as session:
        return session.execute("select 1").fetchone()


def by_dbt() -> Any:
    from dbt.cli.main import dbtRunner

    project = str(load_settings().dbt_project)
    folders = ["--project-dir", project, "--profiles-dir", project]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in dbt_environment().items():
            patch.setenv(name, value)
        outcome = dbtRunner().invoke(["--quiet", "show", "--inline", "select 1", *folders])
    if not outcome.success:
        raise WarehouseError(str(outcome.exception or outcome.result))
    return tuple(outcome.result.results[0].agate_table.rows[0])


WAYS = [by_psycopg, by_the_gate, by_dbt]


@pytest.mark.parametrize("way", WAYS)
def test_a_verified_connection_is_encrypted_and_its_options_reach_everybody(
    way: Any, front: TlsFront, tls: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = authority.certify("a-client")
    options = f"sslmode=verify-full&sslrootcert={authority.file}&sslcert={certificate}&sslkey={key}"
    monkeypatch.setenv(VARIABLE, f"{tls}?{options}")
    assert way() == (1,)
    assert set(front.clients) == {"a-client"}


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_of_another_authority_is_refused(
    way: Any, front: TlsFront, tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Authority(tmp_path, "stranger")
    monkeypatch.setenv(VARIABLE, f"{tls}?sslmode=verify-full&sslrootcert={stranger.file}")
    with pytest.raises(WarehouseError, match="certificate verify failed"):
        way()
    assert not front.clients


def test_a_server_without_tls_is_refused_where_it_is_demanded(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{warehouse}?sslmode=require")
    with pytest.raises(WarehouseError, match="server does not support SSL"):
        connect()


@pytest.mark.parametrize("option", ["ssl_mode=require", "sslmod=verify-full", "sslmode=require&sslrotcert=/x"])
def test_a_misspelt_option_is_named_and_nothing_connects_in_clear(option: str, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{warehouse}?{option}")
    for attempt in (connect, dbt_environment):
        with pytest.raises(
            ConfigError, match=f"{VARIABLE}: {option.rsplit('&', maxsplit=1)[-1].split('=', maxsplit=1)[0]} is not an option"
        ):
            attempt()


def test_options_of_the_server_and_other_extras_are_kept_beside_ours(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{warehouse}?options=-c%20work_mem%3D7MB&connect_timeout=3&target_session_attrs=read-write")
    given = keywords(get_connection(WAREHOUSE))
    assert (given["connect_timeout"], given["target_session_attrs"], given["application_name"]) == ("3", "read-write", "postlaunch")
    with connect() as session:
        shown = [session.execute(f"show {name}").fetchone() for name in ("work_mem", "timezone", "lock_timeout")]  # type: ignore[arg-type]
    assert shown == [("7MB",), ("UTC",), ("5min",)]
    dbt = dbt_environment()
    assert dbt["PGTARGETSESSIONATTRS"] == "read-write"
    assert dbt["PGOPTIONS"].startswith("-c lock_timeout=300s ")
    assert dbt["PGOPTIONS"].endswith(" -c work_mem=7MB")
