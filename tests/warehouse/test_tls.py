"""The warehouse connection is encrypted as its options say, for every role, the gate and dbt, or it is refused: never in clear."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postlaunch.config.connections import WAREHOUSE, get_connection
from postlaunch.config.settings import load_settings
from postlaunch.errors import ConfigError, WarehouseError
from postlaunch.warehouse.db import connect, keywords
from postlaunch.warehouse.dbt_run import dbt_environment
from postlaunch.warehouse.migrate import migrate
from sandbox.ports import free_port
from sandbox.postgres import _give, _run, _server_account
from tests.conftest import open_folder

VARIABLE = "AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE"
IS_ENCRYPTED = "select is_encrypted, client from public.of_this_session()"
OF_THIS_SESSION = """
    create function public.of_this_session(out is_encrypted boolean, out client text) security definer
    begin atomic select ssl, client_dn from pg_stat_ssl where pid = pg_backend_pid(); end
"""  # a role that was taken may not look at its own session


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


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Iterator[str]:
    """Address of a migrated warehouse on a server that answers over TLS alone. The sandbox's own server is built without it."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("no PostgreSQL server with TLS on this machine; 'apt-get install postgresql' installs one")
    with open_folder() as folder:
        account, data, port = _server_account(), folder / "data", free_port()
        data.mkdir(mode=0o700)
        _give(data, account)
        _run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
                "--no-sync",
            ],
            account,
        )
        for source, name in (*zip(authority.certify("server"), ("server.crt", "server.key"), strict=True), (authority.file, "clients.pem")):
            shutil.copy(source, data / name)
            (data / name).chmod(0o600)
            _give(data / name, account)
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "ssl": "on", "ssl_ca_file": "clients.pem"}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in {**settings, "fsync": "off"}.items())
        _run([programs / "pg_ctl", "start", "-w", "-D", data, "-l", data / "log"], account)
        try:
            with psycopg.connect(f"postgres://postgres@127.0.0.1:{port}/postgres", autocommit=True) as superuser:
                superuser.execute("create role postlaunch login createrole")
                superuser.execute("create database postlaunch owner postlaunch")
            address = f"postgres://postlaunch:none@127.0.0.1:{port}/postlaunch"
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(VARIABLE, f"{address}?sslmode=require")
                migrate()
            with psycopg.connect(f"postgres://postgres@127.0.0.1:{port}/postlaunch", autocommit=True) as superuser:
                superuser.execute(OF_THIS_SESSION)
            yield address
        finally:
            _run([programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data], account)


def by_psycopg() -> Any:
    with connect("loader") as session:
        return session.execute(IS_ENCRYPTED).fetchone()


def by_the_gate() -> Any:
    """Great Expectations judges what this role read; it has no connection of its own."""
    with connect("auditor") as session:
        return session.execute(IS_ENCRYPTED).fetchone()


def by_dbt() -> Any:
    from dbt.cli.main import dbtRunner

    project = str(load_settings().dbt_project)
    folders = ["--project-dir", project, "--profiles-dir", project]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in dbt_environment().items():
            patch.setenv(name, value)
        outcome = dbtRunner().invoke(["--quiet", "show", "--inline", IS_ENCRYPTED, *folders])
    if not outcome.success:
        raise WarehouseError(str(outcome.exception or outcome.result))
    return tuple(outcome.result.results[0].agate_table.rows[0])


WAYS = [by_psycopg, by_the_gate, by_dbt]


@pytest.mark.parametrize("way", WAYS)
def test_a_verified_connection_is_encrypted_and_its_options_reach_everybody(
    way: Any, tls: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = authority.certify("a-client")
    options = f"sslmode=verify-full&sslrootcert={authority.file}&sslcert={certificate}&sslkey={key}"
    monkeypatch.setenv(VARIABLE, f"{tls}?{options}")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    assert way() == (True, "/CN=a-client")


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_of_another_authority_is_refused(way: Any, tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Authority(tmp_path, "stranger")
    monkeypatch.setenv(VARIABLE, f"{tls}?sslmode=verify-full&sslrootcert={stranger.file}")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    with pytest.raises(WarehouseError, match="certificate verify failed"):
        way()


def test_a_server_without_tls_is_refused_where_it_is_demanded(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{warehouse}?sslmode=require")
    with pytest.raises(WarehouseError, match="server does not support SSL"):
        connect()


@pytest.mark.parametrize("option", ["ssl_mode=require", "sslmod=verify-full", "sslmode=require&sslrotcert=/x"])
def test_a_misspelt_option_is_named_and_nothing_connects_in_clear(option: str, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{warehouse}?{option}")
    for attempt in (connect, dbt_environment):
        with pytest.raises(ConfigError, match=f"{VARIABLE}: {option.rsplit('&', maxsplit=1)[-1].split('=', maxsplit=1)[0]} is no option"):
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
