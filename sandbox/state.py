"""What the local stack remembers in `.local/`: its secrets, made once, and the environment that points everything at it.

.local/secrets.json   passwords and keys (mode 600)
.local/env            exports for a shell, the command line and Airflow (mode 600)
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from postlaunch.config.settings import REPOSITORY
from sandbox import airflow
from sandbox.apis import credentials
from sandbox.ports import HOST, variable

WAREHOUSE_LOGIN = "postlaunch"
WAREHOUSE_DATABASE = "warehouse"
AIRFLOW_LOGIN = "airflow"
AIRFLOW_DATABASE = "airflow"
SENDER = "postlaunch@sandbox.example"
ZENDESK_PER_MINUTE = 120  # Zendesk documents 10: a demonstration does not sit that out

_SECRETS = ("postgres", "warehouse", "airflow_database", "airflow_admin", "api", "jwt")
_NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
}


def load_secrets(home: Path) -> dict[str, str]:
    """The secrets of this stack; those that are missing are made and kept."""
    path = home / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {name: secrets.token_urlsafe(48) for name in _SECRETS if name not in known}
    if "fernet" not in known:
        made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    if made:
        known |= made
        write_private(path, json.dumps(known, indent=2) + "\n")
    return known


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; it is never readable by others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)


def source_connections(apis: str) -> dict[str, str]:
    """AIRFLOW_CONN_* of the simulated APIs at an address like `http://127.0.0.1:18100`."""
    place = apis.removeprefix("http://")
    logins = {
        "MIXPANEL": (credentials.MIXPANEL_USER, credentials.MIXPANEL_SECRET),
        "ZENDESK": (credentials.ZENDESK_EMAIL, credentials.ZENDESK_TOKEN),
        "PAGERDUTY": ("", credentials.PAGERDUTY_TOKEN),
    }
    found = {
        f"AIRFLOW_CONN_POSTLAUNCH_{name}": f"http://{quote(user, safe='')}:{quote(key, safe='')}@{place}"
        for name, (user, key) in logins.items()
    }
    return {**found, "AIRFLOW_CONN_POSTLAUNCH_PROMETHEUS": apis}


def environment(home: Path, ports: Mapping[str, int], secret: Mapping[str, str]) -> dict[str, str]:
    """Everything that command line, dbt and Airflow need to find this stack."""
    warehouse = f"{WAREHOUSE_LOGIN}:{quote(secret['warehouse'], safe='')}@{HOST}:{ports['postgres']}/{WAREHOUSE_DATABASE}"
    metadata = f"{AIRFLOW_LOGIN}:{quote(secret['airflow_database'], safe='')}@{HOST}:{ports['postgres']}/{AIRFLOW_DATABASE}"
    connections = source_connections(f"http://{HOST}:{ports['apis']}")
    connections["AIRFLOW_CONN_POSTLAUNCH_ZENDESK"] += f"?limits={ZENDESK_PER_MINUTE}/minute"
    return {
        "POSTLAUNCH_LAUNCHES": str(home / "launches"),
        "POSTLAUNCH_LANDING": str(home / "landing"),
        **{variable(service): str(port) for service, port in ports.items()},
        "AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE": f"postgres://{warehouse}",
        "AIRFLOW_CONN_POSTLAUNCH_SMTP": f"smtp://{HOST}:{ports['smtp']}/?from_email={quote(SENDER, safe='')}&starttls=false",
        **connections,
        **_NO_TELEMETRY,
        **airflow.settings(home, REPOSITORY, ports["airflow"], metadata, secret),
    }


def write_environment(home: Path, variables: Mapping[str, str]) -> Path:
    """`.local/env`: `set -a; . .local/env` in a shell; the command line reads it by itself."""
    path = home / "env"
    lines = [
        "# Written by 'postlaunch up'. It holds passwords: do not share it.",
        *(f"export {k}={shlex.quote(v)}" for k, v in variables.items()),
    ]
    write_private(path, "\n".join(lines) + "\n")
    return path
