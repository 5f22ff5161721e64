"""The zygote's processes: what they report about their end, and that none outlives the engine."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from harness.emulator.lambda_.launcher import Launch, Zygote

pytestmark = pytest.mark.subprocess

WAIT_SECONDS = 15.0


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A stand-in for boto3, which the zygote imports before it forks; nothing here calls AWS."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "boto3.py").write_text("def client(*_args, **_options): ...\n")
    return str(folder)


@pytest.fixture
def zygote(packages):
    started = Zygote(sys.executable, packages)
    yield started
    started.stop()


def launch(*argv, directory):
    return Launch(argv=list(argv), environment={"PATH": os.environ["PATH"]}, directory=str(directory))


def wait_until_gone(pid):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
    raise AssertionError(f"process {pid} still runs")


def test_process_reports_output_status_and_memory(zygote, tmp_path):
    ended = threading.Event()
    statuses = []

    process = zygote.launch(
        launch("/bin/sh", "-c", "echo told; exit 5", directory=tmp_path), lambda s: (statuses.append(s), ended.set())
    )

    assert ended.wait(WAIT_SECONDS)
    assert os.waitstatus_to_exitcode(statuses[0]) == 5
    assert process.take_output() == "told\n"
    assert process.peak_resident_bytes() > 0


def test_child_processes_end_with_their_process(zygote, tmp_path):
    process = zygote.launch(launch("/bin/sh", "-c", "sleep 600 & echo $!", directory=tmp_path), lambda _status: None)

    assert process.exited.wait(WAIT_SECONDS)
    wait_until_gone(int(process.take_output()))


ENGINE = """
import sys, threading
from harness.emulator.lambda_.launcher import Launch, Zygote
zygote = Zygote(sys.executable, sys.argv[1])
process = zygote.launch(Launch(["/bin/sh", "-c", "sleep 600 & wait"], {"PATH": "/usr/bin:/bin"}, "/"), print)
print(process.pid, zygote._process.pid, flush=True)
threading.Event().wait()
"""


def test_no_process_outlives_an_engine_that_is_killed(packages):
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, packages], stdout=subprocess.PIPE, text=True)
    process, zygote = map(int, engine.stdout.readline().split())
    assert psutil.pid_exists(process)

    engine.send_signal(signal.SIGKILL)
    engine.wait(WAIT_SECONDS)
    engine.stdout.close()

    wait_until_gone(process)
    wait_until_gone(zygote)


def test_a_zygote_that_was_killed_is_started_again(zygote, tmp_path):
    zygote.start()
    zygote._process.kill()
    zygote._process.wait(WAIT_SECONDS)

    process = zygote.launch(launch("/bin/sh", "-c", "echo again", directory=tmp_path), lambda _status: None)

    assert process.exited.wait(WAIT_SECONDS)
    assert process.take_output() == "again\n"
