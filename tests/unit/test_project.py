"""What `harness down` ends, and where builds are. The engines are stand-ins: a process that waits, and its state file."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from harness.engine import DockerEngine, EmbeddedEngine
from harness.errors import SettingsError
from harness.project import KEPT, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    return Project.load(tmp_path)


@pytest.fixture
def engine_in() -> Iterator[Callable[[Path], psutil.Process]]:
    with ExitStack() as stack:

        def start(directory: Path) -> psutil.Process:
            process = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            )
            stack.callback(process.kill)
            running = psutil.Process(process.pid)
            directory.mkdir(parents=True, exist_ok=True)
            state = {"pid": process.pid, "created": running.create_time(), "port": 1, "region": "us-east-1"}
            (directory / "engine.json").write_text(json.dumps(state))
            return running

        yield start


def _unused_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    return ended.pid


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_down_stops_the_engine_and_those_of_killed_test_runs(project, engine_in):
    state = project.settings.state_directory
    abandoned = state / f"run-{_unused_pid()}"
    engines = [engine_in(state), engine_in(abandoned)]

    assert project.down().ran

    assert [_runs(engine) for engine in engines] == [False, False]
    assert not abandoned.exists()
    assert not project.down().ran


def test_down_keeps_engines_of_running_and_kept_test_runs(project, engine_in):
    state = project.settings.state_directory
    kept = state / f"run-{_unused_pid()}"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as run:
        engines = [engine_in(state / f"run-{run.pid}"), engine_in(kept)]
        (kept / KEPT).touch()

        assert not project.down().ran

        assert [_runs(engine) for engine in engines] == [True, True]
        run.kill()


def test_work_directory_of_a_test_run_follows_the_settings(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\ndirectory = "local-aws"\n')
    project = Project.load(tmp_path)
    assert project.work_directory == tmp_path / "local-aws"
    run = project.in_directory(tmp_path / "local-aws" / "run-1")
    assert run.work_directory == tmp_path / "local-aws"


def test_missing_compose_file_of_the_settings_raises(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nengine = "docker"\ncompose_file = "compose.yaml"\n')
    with pytest.raises(SettingsError, match=r"compose\.yaml is not there; compose_file in \[tool\.harness\] names it"):
        Project.load(tmp_path)


def test_docker_engine_without_compose_file_is_one_container(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nengine = "docker"\n')
    assert isinstance(engine := Project.load(tmp_path).engine, DockerEngine)
    assert engine.compose is None
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    assert isinstance(engine := Project.load(tmp_path).engine, DockerEngine)
    assert engine.compose is not None


def test_chosen_port_applies_to_an_engine_with_other_state(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\nport = 4600\n")
    project = Project.load(tmp_path)
    assert isinstance(engine := project.in_directory(tmp_path / "other", port=4700).engine, EmbeddedEngine)
    assert engine.port == 4700
    # The settings' port is the project's own engine's.
    assert isinstance(engine := project.in_directory(tmp_path / "other").engine, EmbeddedEngine)
    assert engine.port is None
