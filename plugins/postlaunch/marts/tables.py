"""Which marts there are, and to which domain each belongs: the folders of the dbt project say so, nothing else."""

from __future__ import annotations

from postlaunch.config.settings import load_settings
from postlaunch.errors import ConfigError


def mart_tables() -> dict[str, str]:
    """Table -> domain folder (product, support, incidents, reliability, capacity, scorecard, reference), by table name.

    Raises ConfigError if the dbt project is not where POSTLAUNCH_DBT_PROJECT says.
    """
    folder = load_settings().dbt_project / "models" / "marts"
    tables = {file.stem: file.parent.name for file in sorted(folder.glob("*/*.sql"))}
    if not tables:
        raise ConfigError(f"no marts in {folder}: set POSTLAUNCH_DBT_PROJECT to the folder dbt_project/ of the repository")
    return dict(sorted(tables.items()))
