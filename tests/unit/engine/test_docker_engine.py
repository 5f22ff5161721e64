"""What the docker engine reports from Docker's output, without a Docker engine."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import requests

from harness.engine.docker import DockerEngine
from harness.engine.docker.client import connect, why
from harness.engine.docker.compose import ComposeProject, dotenv
from harness.engine.docker.container import endpoint_url, gateways_of, port_of
from harness.engine.docker.guard import Watch, wait_for_end
from harness.errors import EngineError


def _container(listen: str, published: dict[str, Any]) -> Any:
    return SimpleNamespace(
        attrs={"Config": {"Env": ["A=b", f"GATEWAY_LISTEN={listen}"]}, "NetworkSettings": {"Ports": published}}
    )


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("127.0.0.1", "4567", "http://127.0.0.1:4567"),
        ("0.0.0.0", "4567", "http://127.0.0.1:4567"),
        ("", "4567", "http://127.0.0.1:4567"),
        ("192.168.1.5", "80", "http://192.168.1.5:80"),
        ("::1", "4567", "http://[::1]:4567"),
    ],
)
def test_endpoint_is_where_docker_published_the_port(host: str, port: str, expected: str):
    published = {"4566/tcp": None, "4567/tcp": [{"HostIp": host, "HostPort": port}]}

    assert endpoint_url(_container("0.0.0.0:4567", published)) == expected


def test_a_container_that_publishes_nothing_has_no_address():
    assert endpoint_url(_container("0.0.0.0:4566", {"4566/tcp": None})) is None


def test_the_first_address_that_it_listens_on_counts():
    assert port_of(_container("0.0.0.0:4577,0.0.0.0:443", {})) == 4577


def _network(*configured: dict[str, str]) -> Any:
    return SimpleNamespace(attrs={"IPAM": {"Config": list(configured)}})


def test_a_gateway_that_docker_leaves_out_is_the_first_address():
    assert gateways_of([_network({"Subnet": "172.17.0.0/16"})]) == ["172.17.0.1"]
    assert gateways_of([_network({"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.254"})]) == ["10.1.0.254"]
    assert gateways_of([_network({"Subnet": "fd00::/64", "Gateway": "fd00::1"}), _network()]) == []


def test_without_a_docker_engine_the_error_says_what_to_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    engine = DockerEngine(tmp_path / "state")

    with pytest.raises(EngineError, match=r"none\.sock cannot be used: it does not run\. Start it"):
        engine.start()
    with pytest.raises(EngineError, match="does not run"):
        engine.find()
    assert not engine.is_alive()


def test_a_docker_engine_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker.example:2375")

    with pytest.raises(EngineError, match="is another machine"):
        connect()


def test_docker_permission_error_names_the_remedy():
    assert "usermod -aG docker" in why(PermissionError(13, "Permission denied"))


@pytest.mark.parametrize(
    ("folder", "name"), [("My Project", "myproject"), ("a.b_c-d", "ab_c-d"), ("_x", "x"), ("-_-", "default")]
)
def test_a_compose_project_is_named_after_its_folder(folder: str, name: str, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)

    assert ComposeProject(tmp_path / folder / "docker-compose.yml").name == name


def test_compose_name_is_from_environment_then_env_file(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    project = ComposeProject(tmp_path / "docker-compose.yml")
    (tmp_path / ".env").write_text(
        '# mine\nCOMPOSE_PROJECT_NAME="mine"\nexport HARNESS_PORT=4600\n#HARNESS_BIND=0.0.0.0\n'
    )

    assert project.name == "mine"
    assert dotenv(tmp_path / ".env") == {"COMPOSE_PROJECT_NAME": "mine", "HARNESS_PORT": "4600"}
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "other")
    assert project.name == "other"


def test_a_guard_does_not_take_a_reused_process_id_for_its_owner():
    itself = psutil.Process(os.getpid())

    wait_for_end(itself.pid, itself.create_time() - 100)  # would wait for the end of this very process


def test_a_guard_that_has_ended_is_called_off_without_harm():
    Watch(os.getpid(), psutil.Process().create_time() - 100).call_off()
    Watch(2**22 + 1, 0.0).call_off()


def test_docker_that_stops_during_use_raises_engine_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def gone(**_filters: Any) -> Any:
        raise requests.ConnectionError("('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))")

    client = SimpleNamespace(containers=SimpleNamespace(list=gone))
    monkeypatch.setattr("harness.engine.docker.engine.connect", lambda: client)
    monkeypatch.setattr("harness.engine.docker.engine.may_run", lambda: True)
    engine = DockerEngine(tmp_path)

    assert not engine.is_alive()
    with pytest.raises(EngineError, match="Docker failed: it does not run"):
        engine.find()
    with pytest.raises(EngineError, match="Docker failed"):
        engine.stop()


def test_the_mode_of_iam_is_a_variable_of_the_compose_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    environments = []

    def run(_self: ComposeProject, *_arguments: str, environment: Any = None, **_options: Any) -> str:
        environments.append(environment)
        return ""

    client = SimpleNamespace(containers=SimpleNamespace(list=lambda **_filters: []))
    monkeypatch.setattr("harness.engine.docker.engine.connect", lambda: client)
    monkeypatch.setattr(ComposeProject, "_run", run)
    monkeypatch.setattr("harness.engine.docker.engine.choose_port", lambda port: port)
    for iam in ("report", None):
        engine = DockerEngine(tmp_path, port=4600, iam=iam, compose_file=tmp_path / "docker-compose.yml")
        with pytest.raises(EngineError, match="none of its services runs the engine"):
            engine.start()
    assert [each for each in environments if each] == [
        {"HARNESS_IAM": "report", "HARNESS_PORT": "4600"},
        {"HARNESS_PORT": "4600"},
    ]
