"""What every benchmark is given: a folder, a PostgreSQL server, the sizes to run at, and a way to say what it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postlaunch.warehouse.migrate import migrate
from sandbox.postgres import PostgresServer

LOGIN = "postlaunch"
TEMPLATE = "template_warehouse"


@dataclass(frozen=True)
class Context:
    """One run of the benchmarks."""

    folder: Path
    server: PostgresServer
    is_quick: bool
    say: Callable[[str], None]  # what is being done: the next word replaces it
    note: Callable[[str], None]  # what stays on the screen

    def size(self, full: int, quick: int) -> int:
        """The one of the two sizes that this run is about."""
        return quick if self.is_quick else full

    @contextmanager
    def warehouse(self, name: str) -> Iterator[dict[str, str]]:
        """A new migrated warehouse and an empty landing zone, as environment variables; the warehouse is dropped at the end."""
        self.server.clone_database(TEMPLATE, name, LOGIN)
        try:
            yield self._env(name)
        finally:
            self.server.drop_database(name)

    def make_template(self) -> None:
        """Migrate the warehouse that the others are copies of."""
        self.server.ensure_login(LOGIN, "bench", createrole=True)
        self.server.ensure_database(TEMPLATE, LOGIN)
        with environment(self._env(TEMPLATE)):
            migrate()

    def _env(self, database: str) -> dict[str, str]:
        return {
            "AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE": self.server.uri(database, LOGIN, "bench"),
            "POSTLAUNCH_LANDING": str(self.folder / "landing" / database),
        }


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables for this process, for as long as the block lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
