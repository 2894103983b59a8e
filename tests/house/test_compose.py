"""The production files, as far as they can be checked without an engine."""

import re
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

TEXT = Path("docker-compose.yaml").read_text(encoding="utf-8")
EXAMPLE = Path(".env.example").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)  # resolves the merge keys


def test_the_file_follows_the_compose_specification() -> None:
    services = PyCompose.from_yaml(yaml.safe_dump(COMPOSE)).service_names()
    assert {
        "postgres",
        "redis",
        "airflow-apiserver",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
        "airflow-worker",
    } <= set(services)
    assert {"metabase", "mailpit"} <= set(services)


def test_a_misspelt_key_would_be_found() -> None:
    broken = {**COMPOSE, "services": {"postgres": {**COMPOSE["services"]["postgres"], "helthcheck": {}}}}
    with pytest.raises(ValueError, match="helthcheck"):
        PyCompose.from_yaml(yaml.safe_dump(broken))


def test_every_long_running_service_has_a_health_check_and_restarts() -> None:
    for name, service in COMPOSE["services"].items():
        if name != "airflow-init":
            assert service.get("healthcheck"), f"{name} has no health check"
            assert service["restart"] == "unless-stopped", f"{name} does not restart"


def test_every_variable_is_in_the_example_file_and_no_password_has_a_default() -> None:
    used = dict(re.findall(r"(?<!\$)\$\{([A-Z_]+)(:[-?][^}]*)?\}", TEXT))
    offered = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, flags=re.MULTILINE))
    assert set(used) == set(offered)
    for name, default in used.items():
        if re.search("PASSWORD|SECRET|KEY|CONN", name):
            assert default.startswith(":?"), f"{name} must have no default"
        if re.search("PASSWORD|SECRET|KEY", name):
            assert offered[name] == "", f"{name} must be empty in .env.example"


def test_depended_on_services_and_volumes_exist() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or Path(source).exists(), f"{name}: {source}"


def test_the_files_that_the_image_runs_exist() -> None:
    for script in ("docker/airflow-init.sh", "docker/postgres-init.sh"):
        assert Path(script).is_file()
        assert Path(script).stat().st_mode & 0o111, f"{script} is not executable"
