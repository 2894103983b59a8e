"""Who may use the local Airflow: one login with a password that was made for this stack."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class LoopbackLogin(SimpleAuthManager):
    """Airflow's own login of a development machine, without its warning that PostgreSQL looks like production.

    The warning would stand in the log of every start. Here Airflow listens on 127.0.0.1 alone, and its password is random and never
    logged; production (docker-compose.yaml) has accounts.
    """

    @staticmethod
    def _looks_like_production(**_: str | None) -> bool:
        return False
