"""What the harness writes is for its user alone, and a folder that another user could have prepared is refused."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engine import EmbeddedEngine, state_folder
from harness.engine.attachment import Attachment
from harness.engine.locking import locked
from harness.engine.ports import any_free_port
from harness.errors import EngineError
from harness.report import trace_files

BIN = Path(sys.executable).parent
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The one that leaves most to others."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """Files in the folder that other users may use, except links, whose mode has no meaning."""
    below = [folder, *folder.rglob("*")]
    return [f"{path} {mode(path):o}" for path in below if not path.is_symlink() and mode(path) & 0o077]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "harness", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_what_is_written_is_for_its_user_alone(tmp_path):
    state = tmp_path / "new" / ".harness"

    state_folder.write(state / "deployed.json", "[]")
    Attachment("harness-1", "000000000000", "us-east-1").write(state / "endpoint.json")
    with locked(state / "run-1" / "pytest.lock"):
        pass
    trace_files.write(state / "traces" / "test.html", [])

    assert len([path for path in state.rglob("*") if path.is_file()]) == 4
    assert open_to_others(tmp_path / "new") == []


def test_file_that_was_open_is_closed_when_it_is_written_again(tmp_path):
    for name in ("engine.log", "engine.json"):
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(0o666)

    with state_folder.opened(tmp_path / "engine.log", "wb") as log:
        log.write(b"new")
    state_folder.write(tmp_path / "engine.json", "new")

    assert [mode(path) for path in tmp_path.iterdir()] == [0o600, 0o600]
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new", "new"]


def test_folder_of_an_earlier_version_is_closed(tmp_path):
    state = tmp_path / ".harness"
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    code = state / "engine" / "code" / "index.py"
    files = [state / "engine.log", state / "traces" / "test.html", state / "run-1" / "engine.json", code]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
        file.chmod(0o755)
    for folder in (state, *(file.parent for file in files)):
        folder.chmod(0o755)
    outside.chmod(0o644)
    (state / "link").symlink_to(outside)

    assert command(tmp_path, "status").returncode == 3

    code_modes = [f"{path} 755" for path in (state / "engine" / "code", code)]
    assert open_to_others(state) == code_modes, "the code of functions keeps its modes, in folders that are closed"
    assert mode(state / "engine") == 0o700
    assert mode(state / "engine.log") == 0o700
    assert mode(outside) == 0o644


def test_folder_of_a_project_is_left_as_it_is(tmp_path):
    """directory = "." puts the state next to the project's own files."""
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\ndirectory = "."\n')
    tmp_path.chmod(0o755)

    assert command(tmp_path, "status").returncode == 3

    assert mode(tmp_path) == 0o755


REFUSES = [("status",), ("up",), ("down",), ("doctor",)]


@pytest.mark.parametrize("arguments", REFUSES, ids=" ".join)
def test_link_to_another_place_is_refused(tmp_path, arguments):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (tmp_path / ".harness").symlink_to(elsewhere)

    said = command(tmp_path, *arguments)

    assert said.returncode == 1
    assert "is a symbolic link to" in said.stderr
    assert "directory in [tool.harness]" in said.stderr
    assert "Traceback" not in said.stderr
    assert list(elsewhere.iterdir()) == []


@needs_root
@pytest.mark.parametrize("arguments", REFUSES, ids=" ".join)
def test_folder_of_another_user_is_refused(tmp_path, arguments):
    """Its engine.json would say where calls go, with whatever they hold."""
    state = tmp_path / ".harness"
    state.mkdir()
    created = {"pid": os.getpid(), "created": 1.0, "port": 9, "region": "us-east-1"}
    (state / "engine.json").write_text(json.dumps(created))
    os.chown(state, NOBODY, NOBODY)

    said = command(tmp_path, *arguments)

    assert said.returncode == 1
    assert "belongs to user nobody, and this is user root" in said.stderr
    assert "Traceback" not in said.stderr


@needs_root
def test_test_run_in_a_folder_of_another_user_is_refused(tmp_path):
    (tmp_path / ".harness").mkdir()
    os.chown(tmp_path / ".harness", NOBODY, NOBODY)
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n[tool.pytest.ini_options]\n")

    ran = subprocess.run([BIN / "pytest"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 4
    assert "belongs to user nobody, and this is user root" in ran.stderr


def test_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / ".harness").touch()

    with pytest.raises(EngineError, match="is a file"):
        state_folder.make(tmp_path / ".harness")


def test_running_engine_writes_for_its_user_alone(tmp_path):
    engine = EmbeddedEngine(tmp_path / ".harness", port=any_free_port())
    try:
        engine.start()

        assert open_to_others(tmp_path / ".harness") == []
        names = {path.name for path in (tmp_path / ".harness").iterdir()}
        assert names >= {"engine", "engine.json", "engine.lock", "engine.log"}
    finally:
        engine.stop()


def test_function_has_the_umask_that_it_has_on_aws(function):
    made = function("import os\ndef handler(event, context): return os.umask(0)\n")

    assert made.invoke().payload == 0o022
