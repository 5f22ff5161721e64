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


def test_runtime_of_the_engine_version_has_no_warning(only_ours, tmp_path):
    own = "python{}.{}".format(*CURRENT.minor)
    python(only_ours / own, *CURRENT.minor, 0)

    prepared = PythonRuntimes(tmp_path).prepare(own)

    assert (prepared.interpreter, prepared.warning) == (CURRENT, None)


def test_broken_shim_and_other_python_version_are_skipped(only_ours, tmp_path, monkeypatch):
    program(only_ours / "python3.98", "raise SystemExit('python3.98: command not found')")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("PATH", str(other))
    assert find_interpreter((3, 98)) is None

    python(other / "python3.98", 3, 97, 1)
    assert find_interpreter((3, 98)) is None

    found = python(other / "python3.98", 3, 98, 1)
    assert find_interpreter((3, 98)) == runtimes.LocalInterpreter(str(found), (3, 98, 1))


@pytest.mark.usefixtures("only_ours")
def test_missing_python_version_uses_engine_python_warns_once(tmp_path, caplog):
    known = PythonRuntimes(tmp_path)

    prepared = [known.prepare("python3.99") for _ in range(2)]

    assert [p.interpreter for p in prepared] == [CURRENT, CURRENT]
    assert prepared[0].warning == f"python3.99 functions run on {CURRENT}: no Python 3.99 is on this machine."
    assert [record.message for record in caplog.records] == [prepared[0].warning]


@pytest.fixture
def uv_without_cache(only_ours, tmp_path, monkeypatch):
    """The arguments of each call of a uv whose cache has nothing."""
    calls = tmp_path / "calls"
    script = f"""import sys
open({str(calls)!r}, "a").write(" ".join(sys.argv[1:]) + chr(10))
sys.stderr.write({OFFLINE!r})
sys.exit(2)
"""
    assert only_ours.is_dir(), "its uv would take the place of this one"
    uv = program(tmp_path / "offline-uv", script)
    monkeypatch.setattr(runtimes, "_uv", lambda: str(uv))
    return lambda: calls.read_text().splitlines()


@pytest.mark.usefixtures("uv_without_cache")
def test_missing_packages_are_named_with_their_folder(only_ours, tmp_path):
    found = python(only_ours / "python3.99", 3, 99, 0)

    prepared = PythonRuntimes(tmp_path).prepare("python3.99")

    assert prepared.interpreter == CURRENT
    missing = prepared.missing
    assert missing.interpreter == runtimes.LocalInterpreter(str(found), (3, 99, 0))
    assert [name.partition("==")[0] for name in missing.requirements] == ["awslambdaric", "boto3"]
    assert missing.folder.parent == tmp_path
    said = "Request failed after 3 retries in 6.6s: failed to lookup address information: "
    assert prepared.warning == (
        f"python3.99 functions run on {CURRENT}: {' and '.join(missing.requirements)} for Python 3.99.0 at {found} are not "
        f"in uv's cache ({said}Temporary failure in name resolution), and the engine calls no package index. `harness up` "
        f"and test runs install them; without them: uv pip install --python {found} --target {missing.folder} "
        f"{' '.join(missing.requirements)}"
    )
    assert {path.name for path in Path(prepared.packages).iterdir()} >= {"boto3", "botocore", "awslambdaric"}


def test_engine_never_installs_from_an_index(only_ours, tmp_path, uv_without_cache):
    python(only_ours / "python3.99", 3, 99, 0)

    PythonRuntimes(tmp_path).prepare("python3.99")

    assert any(call.startswith("pip install") for call in uv_without_cache())
    assert [call for call in uv_without_cache() if "--offline" not in call] == []


@pytest.mark.usefixtures("uv_without_cache")
def test_packages_are_used_as_soon_as_they_are_there(only_ours, tmp_path):
    found = python(only_ours / "python3.99", 3, 99, 0)
    known = PythonRuntimes(tmp_path)
    missing = known.prepare("python3.99").missing

    missing.folder.mkdir()

    prepared = known.prepare("python3.99")
    assert (prepared.interpreter.executable, prepared.packages) == (str(found), str(missing.folder))
    assert (prepared.warning, prepared.missing) == (None, None)


@pytest.mark.usefixtures("uv_without_cache")
def test_missing_packages_are_warned_of_once(only_ours, tmp_path, caplog):
    python(only_ours / "python3.99", 3, 99, 0)
    known = PythonRuntimes(tmp_path)

    warnings = [known.prepare("python3.99").warning for _ in range(3)]

    assert [record.message for record in caplog.records] == warnings[:1]
