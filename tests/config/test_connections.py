import json

import pytest

from postlaunch.config.connections import get_connection
from postlaunch.errors import ConfigError

SECRET = "s3cr:t/@"
REST = {"schema": "api", "login": "agent@shop.example", "password": SECRET}


@pytest.mark.parametrize(
    "value",
    [
        "https://agent%40shop.example:s3cr%3At%2F%40@shop.zendesk.com:8443/api",
        json.dumps({"conn_type": "https", "host": "shop.zendesk.com", "port": 8443, **REST}),
        json.dumps({"conn_type": "http", "host": "https://shop.zendesk.com", "port": "8443", **REST}),
        "http://agent%40shop.example:s3cr%3At%2F%40@shop.zendesk.com:8443/api?scheme=https",
    ],
)
def test_airflows_notations_mean_the_same(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", value)
    connection = get_connection("shop")
    assert connection.base_url == "https://shop.zendesk.com:8443/api"
    assert (connection.login, connection.password) == ("agent@shop.example", SECRET)
    assert SECRET not in repr(connection)


def test_airflows_form_http_host_https_means_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "http://u:p@prometheus:9090/https")
    assert get_connection("shop").base_url == "https://prometheus:9090"


def test_airflows_form_in_json_means_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", '{"conn_type": "http", "host": "api.pagerduty.com", "schema": "https"}')
    assert get_connection("shop").base_url == "https://api.pagerduty.com"


def test_a_plain_uri_keeps_its_scheme_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "http://127.0.0.1:9090")
    assert get_connection("shop").base_url == "http://127.0.0.1:9090"


def test_a_missing_connection_names_its_variable() -> None:
    with pytest.raises(ConfigError, match="export AIRFLOW_CONN_NOBODY as a URI or JSON"):
        get_connection("nobody")


@pytest.mark.parametrize("value", ['{"password": "hunter2"', "https://user:hunter2@host:port/", "https://", "https://h?__extra__={hunter2"])
def test_a_broken_connection_never_shows_its_secret(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", value)
    with pytest.raises(ConfigError, match="AIRFLOW_CONN_SHOP") as caught:
        get_connection("shop")
    error: BaseException | None = caught.value
    assert "hunter2" not in str(error)
    assert caught.value.__cause__ is None
