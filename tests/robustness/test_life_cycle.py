"""Killed commands leave no running process, and nothing that makes the next command fail."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.emulator.host import owner
from harness.engine import EmbeddedEngine
from harness.engine.running import RunningEngine, engines
from harness.errors import EngineError

BIN = Path(sys.executable).parent
SECONDS = 120
"""Long enough for an engine to boot on a machine with other work."""


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while not (met := condition()):
        assert time.monotonic() < deadline, f"after {seconds} seconds, not yet: {what}"
        time.sleep(0.02)
    return met


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "harness", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS * 2
    )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder with settings and a stack; whatever engine a test leaves in it ends with the test."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n[tool.pytest.ini_options]\n")
    (tmp_path / "template.yaml").write_text("Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n")
    yield tmp_path
    for engine in engines():
        if engine.directory.is_relative_to(tmp_path):
            engine.end()


WAITS = '''
import io, json, os, pathlib, threading, zipfile
import psutil

HANDLER = """
import os, pathlib, time
def handler(event, context):
    pathlib.Path(event["file"]).write_text(str(os.getpid()))
    time.sleep(600)
"""

def test_that_waits(engine, aws):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        into.writestr("index.py", HANDLER)
    client = aws("lambda")
    client.create_function(
        FunctionName="waits", Runtime="python3.11", Handler="index.handler", Timeout=900,
        Role="arn:aws:iam::000000000000:role/any", Code={"ZipFile": packed.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="waits")
    file = pathlib.Path("function.pid").absolute()
    client.invoke(FunctionName="waits", InvocationType="Event", Payload=json.dumps({"file": str(file)}))
    while not (file.exists() and file.read_text()):
        pass
    ready = {"engine": engine.harness.ready()["pid"], "function": int(file.read_text()), "worker": os.getpid()}
    pathlib.Path("ready.part").write_text(json.dumps(ready))
    pathlib.Path("ready.part").rename("ready.json")
    threading.Event().wait()
'''


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
@pytest.mark.parametrize("signals", [["SIGTERM"], ["SIGKILL"], ["SIGINT", "SIGINT"]], ids="-twice-".join)
def test_engine_and_functions_end_with_a_killed_test_run(project, signals, workers):
    (project / "test_it.py").write_text(WAITS)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    with (project / "output").open("w") as output:
        run = subprocess.Popen(
            [BIN / "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "--iam=off", *workers],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=output,
            # A test run below nohup or in a shell's background passes on that the signal is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        ready = project / "ready.json"
        until(lambda: ready.exists() or run.poll() is not None, "the test waits")
        assert ready.exists(), (project / "output").read_text()
        pids = json.loads(ready.read_text())
        assert all(map(runs, pids.values()))
        for each in signals:
            if run.poll() is None:
                run.send_signal(getattr(signal, each))
        # Reaped here, as a shell does.
        run.wait(SECONDS)

        for what in ("engine", "function"):
            until(lambda what=what: not runs(pids[what]), f"the {what} has ended", 40)
    finally:
        run.kill()
    status = command(project, "status")
    assert status.returncode == 3
    assert str(project) not in status.stderr


def test_engine_of_an_ended_worker_serves_the_others(project):
    """The run's engine belongs to its controller, not to the worker that happened to start it."""
    (project / "test_it.py").write_text(
        "import os, pathlib, pytest\n"
        "@pytest.mark.parametrize('n', range(4))\n"
        "def test_it(engine, aws, n):\n"
        "    aws('sqs').list_queues()\n"
        "    with pathlib.Path('pids').open('a') as file:\n"
        "        file.write(f'{engine.harness.ready()[\"pid\"]}\\n')\n"
        "    if n == 0:\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    ran = subprocess.run(
        [BIN / "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-n", "1"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 2,
    )

    assert "1 failed, 3 passed" in ran.stdout, ran.stdout
    assert len(set((project / "pids").read_text().split())) == 1


def test_up_works_after_up_was_killed_while_it_booted(project):
    state = project / ".harness" / "engine.json"
    seen: set[int] = set()

    def booting() -> int | None:
        """The process of an engine that was not there before, and is not ready."""
        found = json.loads(state.read_text()) if state.exists() else {"pid": 0, "ready": True}
        return int(found["pid"]) if found["ready"] is False and found["pid"] not in seen else None

    for how in (signal.SIGTERM, signal.SIGKILL):
        with (project / "output").open("w") as output:
            up = subprocess.Popen([BIN / "harness", "up"], cwd=project, stdout=output, stderr=output)
        try:
            pid = until(booting, "an engine boots")
        finally:
            up.send_signal(how)
            up.wait(SECONDS)
        seen.add(pid)
        until(lambda pid=pid: not runs(pid), f"the booting engine ended after {how.name}", 40)

    again = command(project, "up")

    assert again.returncode == 0, again.stderr
    pid = json.loads(state.read_text())["pid"]
    assert runs(pid), "it outlives its command once it is ready"
    assert command(project, "down").stdout == "Stopped.\n"
    assert not runs(pid)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """`fake(directory)`: a process that looks like the engine of this folder, without the time that one takes to boot."""
    package = tmp_path / "package" / "harness"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "emulator.py").write_text("print(flush=True); input()")
    begun: list[subprocess.Popen[bytes]] = []

    def begin(directory: Path, **environment: str) -> subprocess.Popen[bytes]:
        engine = subprocess.Popen(
            [sys.executable, "-m", "harness.emulator"],
            cwd=package.parent,
            env={"FILESYSTEM_ROOT": str(directory / "engine"), "GATEWAY_LISTEN": "127.0.0.1:9", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        begun.append(engine)
        assert engine.stdout is not None
        assert engine.stdout.readline(), "it runs"
        return engine

    yield begin
    for engine in begun:
        engine.kill()
        engine.communicate()


def state_of(process: subprocess.Popen[bytes], directory: Path, **more: Any) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    created = psutil.Process(process.pid).create_time()
    state = {"pid": process.pid, "created": created, "port": 9, "region": "us-east-1", **more}
    (directory / "engine.json").write_text(json.dumps(state))


def listed(process: subprocess.Popen[bytes]) -> RunningEngine:
    [found] = [engine for engine in engines() if engine.pid == process.pid]
    return found


def ended_pid() -> int:
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_engine_that_its_folder_names_is_listed_with_its_folder(tmp_path, fake):
    process = fake(tmp_path)
    state_of(process, tmp_path)

    found = listed(process)

    assert (found.directory, found.port, found.stray) == (tmp_path, 9, None)
    assert found.belongs_to == "harness up"


def test_engine_of_a_running_test_run_is_no_stray(tmp_path, fake):
    run = tmp_path / f"run-{os.getpid()}"
    process = fake(run)
    state_of(process, run)

    assert listed(process).belongs_to == f"test run {os.getpid()}"


def test_engine_of_an_ended_test_run_is_a_stray_unless_kept(tmp_path, fake):
    gone = ended_pid()
    run = tmp_path / f"run-{gone}"
    process = fake(run)
    state_of(process, run)

    assert listed(process).stray == f"its test run (process {gone}) has ended"
    (run / "engine.kept").touch()
    assert listed(process).belongs_to == f"test run {gone} (kept)"


def test_engine_without_folder_is_a_stray_once_its_command_ended(tmp_path, fake):
    booting = fake(tmp_path / "gone", HARNESS_OWNER=f"{os.getpid()} 1.0")
    left = fake(tmp_path / "gone", HARNESS_OWNER=f"{ended_pid()} 1.0")

    assert listed(booting).stray is None
    assert listed(left).stray == "its folder is gone"


def test_status_and_doctor_list_engines_of_other_folders(tmp_path, fake):
    process = fake(tmp_path / "other")
    state_of(process, tmp_path / "other")
    here = tmp_path / "here"
    here.mkdir()

    status = command(here, "status")
    findings = json.loads(command(here, "doctor", "--json").stdout)

    assert status.returncode == 3
    assert "Other engines of this user" in status.stderr
    [line] = [line for line in status.stderr.splitlines() if str(tmp_path / "other") in line]
    assert line.split()[:3] == ["127.0.0.1:9", "process", str(process.pid)]
    [found] = [finding["found"] for finding in findings if finding["subject"] == "Engines"]
    assert f"{tmp_path / 'other'} at 127.0.0.1:9 (process {process.pid}" in found


def test_down_strays_lists_and_ends_strays_only(tmp_path, fake):
    stray = fake(tmp_path / "gone", HARNESS_OWNER=f"{ended_pid()} 1.0")
    used = fake(tmp_path / "used")
    state_of(used, tmp_path / "used")

    said = command(tmp_path, "down", "--strays")

    assert said.returncode == 0
    assert f"{tmp_path / 'gone'}" in said.stderr
    assert str(tmp_path / "used") not in said.stderr
    assert said.stdout.startswith("Stopped ")
    stray.wait(SECONDS)
    assert runs(used.pid)


def test_engine_whose_boot_was_cut_is_ended_by_the_next_start(tmp_path, fake):
    process = fake(tmp_path)
    state_of(process, tmp_path, ready=False)
    engine = EmbeddedEngine(tmp_path)

    with pytest.raises(EngineError, match=rf"The engine \(process {process.pid}\) is booting"):
        engine.find()
    engine._end_unfinished()

    process.wait(SECONDS)
    assert engine.find() is None


def test_end_of_a_process_is_noticed():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    created = psutil.Process(process.pid).create_time()
    waits = f"from harness.emulator.host import owner; owner.wait_for_end({process.pid}, {created}); print('ended')"
    watcher = subprocess.Popen([sys.executable, "-c", waits], stdout=subprocess.PIPE, text=True)
    try:
        assert watcher.poll() is None
        # It is not reaped: a zombie has ended, too.
        process.kill()
        assert watcher.communicate(timeout=SECONDS)[0] == "ended\n"
    finally:
        watcher.kill()
        process.communicate()


@pytest.mark.parametrize("way", ["as here", "by asking again and again"])
def test_owner_whose_id_has_another_process_now_has_ended(monkeypatch, way):
    if way != "as here":
        monkeypatch.setattr(owner.sys, "platform", "other")
    owner.wait_for_end(os.getpid(), 1.0)
    owner.wait_for_end(ended_pid(), time.time())


@pytest.mark.parametrize("kept", [False, True])
def test_engine_outlives_its_owner_only_when_it_was_kept(tmp_path, kept):
    if kept:
        (tmp_path / "kept").touch()
    watched = (
        "import threading\n"
        "from harness.emulator.host import owner\n"
        "owner.watch()\n"
        "[thread.join() for thread in threading.enumerate() if thread.name == 'owner']\n"
        "print('outlives')\n"
    )
    variables = {owner.OWNER_VARIABLE: f"{ended_pid()} 1.0", owner.KEPT_VARIABLE: str(tmp_path / "kept")}

    ran = subprocess.run(
        [sys.executable, "-c", watched], env=os.environ | variables, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout) == ((0, "outlives\n") if kept else (-signal.SIGTERM, ""))


def test_folder_of_a_stray_is_not_needed_to_end_it(tmp_path, fake):
    process = fake(tmp_path / "removed", HARNESS_OWNER=f"{ended_pid()} 1.0")
    state_of(process, tmp_path / "removed")
    shutil.rmtree(tmp_path / "removed")

    found = listed(process)
    found.end()

    assert found.stray == "its folder is gone"
    process.wait(SECONDS)
