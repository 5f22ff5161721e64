"""What `harness doctor` reports on machines without a required tool."""

import json
import socket
from pathlib import Path

import pytest

from harness import doctor
from harness.doctor import CheckResult, Verdict
from harness.settings import Settings


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where programs are found; the machine has no other."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _program(file: Path, *lines: str) -> None:
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)


def _finding(subject: str, **settings) -> CheckResult:
    [found] = [f for f in doctor.examine(Settings(**settings)) if f.subject == subject]
    return found


def test_installed_program_is_reported_with_its_version(path):
    _program(path / "node", "echo v22.1.0")
    assert _finding("Node.js") == CheckResult("Node.js", Verdict.OK, f"v22.1.0 at {path / 'node'}")


@pytest.mark.parametrize("body", [["echo no version is set >&2", "exit 127"], None])
def test_missing_or_broken_program_is_reported_with_its_use(path, body):
    if body:
        _program(path / "node", *body)
    found = _finding("Node.js")
    assert found.verdict is Verdict.OPTIONAL
    assert ("does not run" if body else "not found") in found.found
    assert "nodejs runtime" in found.remedy


def test_uv_that_does_not_run_is_missing(monkeypatch, tmp_path):
    _program(tmp_path / "uv", "exit 1")
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(tmp_path / "uv"))
    found = _finding("uv")
    assert (found.verdict, found.found) == (Verdict.MISSING, f"{tmp_path / 'uv'} does not run")


def test_port_in_use_is_optional_with_a_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = _finding(f"Port {port}", port=port)
    assert (found.verdict, found.found) == (Verdict.OPTIONAL, "in use")
    assert "choose another port" in found.remedy


@pytest.mark.parametrize(
    ("attribute", "subject", "verdict"),
    [
        ("MIN_FREE_DISK_BYTES", "Disk", Verdict.MISSING),
        ("MIN_FREE_MEMORY_BYTES", "Memory", Verdict.OPTIONAL),
    ],
)
def test_too_little_space_is_reported_with_the_needed_size(monkeypatch, attribute, subject, verdict):
    monkeypatch.setattr(doctor, attribute, 2**60)
    found = _finding(subject)
    assert found.verdict is verdict
    assert "GiB" in found.remedy


def test_missing_engine_package_is_reported_by_name(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "moto" else object())
    found = _finding("Embedded engine")
    assert (found.verdict, found.found) == (Verdict.MISSING, "not installed: moto")


@pytest.mark.parametrize(("engine", "verdict"), [("embedded", Verdict.OPTIONAL), ("docker", Verdict.MISSING)])
def test_stopped_docker_is_missing_only_if_it_is_the_engine(monkeypatch, tmp_path, engine, verdict):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    found = _finding("Docker", engine=engine)
    assert found.verdict is verdict
    assert "nobody.sock cannot be used: it does not run. Start it" in found.found


def test_embedded_engine_is_optional_if_another_is_chosen(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "moto" else object())
    assert _finding("Embedded engine", engine="docker").verdict is Verdict.OPTIONAL


@pytest.mark.parametrize("variable", ["HARNESS_LAMBDA_PYTHONS", "PYENV_ROOT"])
def test_unreadable_interpreter_folder_is_reported(monkeypatch, tmp_path, variable):
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    found = _finding(variable)
    assert found.verdict is Verdict.OPTIONAL
    assert found.found == f"{tmp_path / 'nowhere'} is not there, or may not be read"


def test_changed_target_of_a_patch_is_named_with_its_reason(monkeypatch):
    difference = {
        "target": "moto.logs.models:LogGroup.create_log_stream",
        "patch": "harness.emulator.logs.subscriptions",
        "because": "CreateLogStream fails",
        "what": "it is not as in moto-ext 5.1.54",
    }
    said = doctor._said_by
    monkeypatch.setattr(
        doctor, "_said_by", lambda *c: json.dumps(difference) if "harness.emulator.patch_audit" in c else said(*c)
    )
    found = _finding("Foreign code")
    assert found.verdict is Verdict.OPTIONAL
    assert found.found == (
        "moto.logs.models:LogGroup.create_log_stream: it is not as in moto-ext 5.1.54; harness.emulator.logs.subscriptions "
        "changes it because CreateLogStream fails"
    )


def test_installed_foreign_code_is_as_the_emulator_knows_it():
    assert _finding("Foreign code").verdict is Verdict.OK
