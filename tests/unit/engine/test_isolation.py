"""What of the user's shell does not reach the engine, nor the clients that call it."""

import os
from pathlib import Path

import pytest

from harness.emulator.outbound.environment import isolate
from harness.engine.proxies import bypass_for_loopback
from harness.engine.target import Target

PROFILE_CONFIG = (
    "[default]\nregion = eu-west-1\nendpoint_url = http://elsewhere.example\ns3 =\n  addressing_style = virtual\n"
)


def test_engine_gets_neither_proxies_nor_an_aws_account():
    environment = {
        "HTTP_PROXY": "http://proxy", "https_proxy": "http://proxy", "ALL_PROXY": "http://proxy", "NO_PROXY": "x",
        "OUTBOUND_HTTP_PROXY": "http://proxy", "AWS_PROFILE": "work", "AWS_ROLE_ARN": "arn", "PATH": "/bin",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/role", "AWS_CONFIG_FILE": "/home/user/.aws/config",
    }  # fmt: skip
    isolate(environment)
    assert environment == {
        "PATH": "/bin",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_PROFILE", "that-this-machine-lacks"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_RETRY_MODE", "nonsense"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_ENDPOINT_URL_S3", "http://elsewhere.example"),
    ],
)
def test_client_of_test_credentials_ignores_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str):
    monkeypatch.setenv(variable, value)
    client = Target("embedded", "http://127.0.0.1:9").client("s3")
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:9", "us-east-1")


@pytest.mark.parametrize("content", [PROFILE_CONFIG, "no section\n", "\0"])
def test_client_of_test_credentials_reads_no_configuration_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
):
    (tmp_path / "config").write_text(content)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "config"))
    client = Target("embedded", "http://127.0.0.1:9").client("s3")
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:9", "us-east-1")


def test_loopback_is_added_to_what_goes_without_proxy():
    environment = {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "intern.example"}
    bypass_for_loopback(environment)
    assert environment["NO_PROXY"] == "intern.example,localhost,127.0.0.1,::1"
    assert environment["no_proxy"] == "localhost,127.0.0.1,::1"


@pytest.mark.parametrize("environment", [{}, {"NO_PROXY": "x"}, {"http_proxy": "p", "NO_PROXY": "*", "no_proxy": "*"}])
def test_environment_without_need_is_left_alone(environment: dict[str, str]):
    before = dict(environment)
    bypass_for_loopback(environment)
    assert environment == before
