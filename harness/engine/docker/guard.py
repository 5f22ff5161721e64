"""Removes the containers of a test run after the run, however it ended: `guard.py <pid> <created> <directory>`.

A separate process, so that it outlives a killed run. It waits for the end of the run's process, which it gets by id and
start time, and removes the containers labelled with the run's folder. To keep the containers, stop the guard first.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Watch:
    """A started guard: its process."""

    pid: int
    created: float

    def call_off(self) -> None:
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) < 1.0:
                process.kill()
                process.wait(5)
        except psutil.NoSuchProcess:
            pass


def watch(owner: psutil.Process, directory: Path) -> Watch:
    """Start a guard for the containers of this folder. It has no terminal and is not in the run's process group."""
    guard = subprocess.Popen(
        # By its path, so that it loads the rest of the harness, and Docker's packages, only when it acts.
        [sys.executable, "-P", __file__, str(owner.pid), repr(owner.create_time()), str(directory)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Watch(guard.pid, psutil.Process(guard.pid).create_time())


def wait_for_end(pid: int, created: float) -> None:
    try:
        owner = psutil.Process(pid)
        if abs(owner.create_time() - created) < 1.0:
            owner.wait()
    except psutil.NoSuchProcess:
        pass


def main(pid: int, created: float, directory: Path) -> None:
    wait_for_end(pid, created)
    from harness.engine.docker.client import connect
    from harness.engine.docker.container import remove_all

    remove_all(connect(), directory)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
