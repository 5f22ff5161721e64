"""The command line with wrong input and nothing running: every mistake is answered, with an exit code that means it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.subprocess

HARNESS = Path(sys.executable).parent / "harness"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HARNESS, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["status", "outputs", "logs", "outbox", "trace", "reset", "deploy"])
def test_with_nothing_running_a_command_says_how_to_start(tmp_path: Path, command: str):
    result = _run(tmp_path, command)
    assert result.returncode == 3
    assert result.stdout == ""
    assert "Nothing is running here. harness up starts it." in result.stderr


def test_stopping_nothing_is_no_failure(tmp_path: Path):
    result = _run(tmp_path, "down")
    assert (result.returncode, result.stdout) == (0, "Nothing was running.\n")


def test_missing_template_is_reported_before_the_engine_starts(tmp_path: Path):
    result = _run(tmp_path, "up", "--template", "nowhere/template.yaml")
    assert result.returncode == 1
    assert "nowhere/template.yaml" in result.stderr
    assert not (tmp_path / ".harness" / "engine.json").exists()


def test_invalid_setting_is_reported_with_the_valid_values(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\nengine = 'docker-compose'\n")
    result = _run(tmp_path, "status")
    assert result.returncode == 1
    assert "There is no engine 'docker-compose'; choose one of: embedded, docker, endpoint, aws." in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_engine_is_refused_with_the_valid_ones(tmp_path: Path):
    result = _run(tmp_path, "up", "--engine", "podman")
    assert result.returncode == 1
    assert "There is no engine 'podman'; choose one of: embedded, docker, endpoint, aws." in result.stderr


@pytest.mark.parametrize("arguments", [("up", "--port", "70000"), ("--state", "nowhere", "status"), ("upp",)])
def test_wrong_usage_has_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]):
    assert _run(tmp_path, *arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--follow",), "--follow is for one flow; 'last' is the newest"),
        (("--format=otlp",), "--format=otlp is for one flow; 'last' is the newest"),
        (("last", "--follow", "--format=json"), "it shows a flow on the terminal, and writes nothing else"),
    ],
)
def test_conflicting_trace_options_are_refused_at_once(tmp_path: Path, arguments: tuple[str, ...], said: str):
    result = _run(tmp_path, "trace", *arguments)
    assert result.returncode == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_doctor_speaks_json_to_scripts(tmp_path: Path):
    result = _run(tmp_path, "doctor", "--json")
    subjects = {finding["subject"]: finding for finding in json.loads(result.stdout)}
    assert subjects["Python"]["verdict"] == "ok"
    assert subjects["Embedded engine"]["verdict"] == "ok"


def test_the_version_is_the_installed_one(tmp_path: Path):
    assert _run(tmp_path, "--version").stdout == "harness 0.1.0\n"


def test_unwritable_diagram_is_reported_without_a_traceback(tmp_path: Path):
    (tmp_path / "template.yaml").write_text("Resources: {Queue: {Type: AWS::SQS::Queue}}\n")
    result = _run(tmp_path, "graph", "--output", "nowhere/picture.svg")
    assert result.returncode == 2
    assert "cannot be written: No such file or directory" in " ".join(result.stderr.replace("│", " ").split())
