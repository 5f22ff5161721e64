"""Which interpreter runs a Python runtime, and what is done where it or its packages cannot be had."""

import sys
from pathlib import Path

import pytest

from harness.emulator.lambda_ import runtimes
from harness.emulator.lambda_.runtimes import CURRENT, INTERPRETERS_VARIABLE, PythonRuntimes, find_interpreter

OFFLINE = """error: Request failed after 3 retries in 6.6s
  cause: Failed to fetch: https://index.example/simple/boto3/
  cause: dns error
  cause: failed to lookup address information: Temporary failure in name resolution
"""


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable} -IS\n{text}")
    path.chmod(0o755)
    return path


def python(path: Path, *version: int) -> Path:
    return program(path, f"import json; print(json.dumps([{str(path)!r}, *{version}]))")


@pytest.fixture
def only_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Pythons are those in this folder."""
    folder = tmp_path / "pythons"
    folder.mkdir()
    monkeypatch.setenv(INTERPRETERS_VARIABLE, str(folder))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    monkeypatch.setattr(runtimes, "_uv", lambda: str(program(tmp_path / "uv", "raise SystemExit(2)")))
    return folder


def test_a_runtime_of_the_engine_s_own_version_runs_on_its_interpreter_without_a_warning(only_ours, tmp_path):
    own = "python{}.{}".format(*CURRENT.minor)
    python(only_ours / own, *CURRENT.minor, 0)

    prepared = PythonRuntimes(tmp_path).prepare(own)

    assert (prepared.interpreter, prepared.warning) == (CURRENT, None)


def test_a_shim_that_does_not_run_and_a_python_of_another_version_are_passed_over(only_ours, tmp_path, monkeypatch):
    program(only_ours / "python3.98", "raise SystemExit('python3.98: command not found')")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("PATH", str(other))
    assert find_interpreter((3, 98)) is None

    python(other / "python3.98", 3, 97, 1)
    assert find_interpreter((3, 98)) is None

    found = python(other / "python3.98", 3, 98, 1)
    assert find_interpreter((3, 98)) == runtimes.Interpreter(str(found), (3, 98, 1))


@pytest.mark.usefixtures("only_ours")
def test_a_version_that_is_not_on_the_machine_runs_on_the_engine_s_own_and_that_is_told_once(tmp_path, caplog):
    known = PythonRuntimes(tmp_path)

    prepared = [known.prepare("python3.99") for _ in range(2)]

    assert [p.interpreter for p in prepared] == [CURRENT, CURRENT]
    assert prepared[0].warning == f"python3.99 functions run on {CURRENT}: no Python 3.99 is on this machine."
    assert [record.message for record in caplog.records] == [prepared[0].warning]


def test_packages_that_cannot_be_had_without_a_network_are_told_in_one_line(only_ours, tmp_path, monkeypatch):
    found = python(only_ours / "python3.99", 3, 99, 0)
    uv = program(tmp_path / "offline-uv", f"import sys; sys.stderr.write({OFFLINE!r}); sys.exit(2)")
    monkeypatch.setattr(runtimes, "_uv", lambda: str(uv))

    prepared = PythonRuntimes(tmp_path).prepare("python3.99")

    assert prepared.interpreter == CURRENT
    assert prepared.warning == (
        f"python3.99 functions run on {CURRENT}: the runtime client cannot be installed for Python 3.99.0 at {found}: "
        "Request failed after 3 retries in 6.6s: failed to lookup address information: "
        "Temporary failure in name resolution."
    )
    assert {path.name for path in Path(prepared.packages).iterdir()} >= {"boto3", "botocore", "awslambdaric"}
