"""Removes the containers of a test run when the run is gone, however it ended: `guard.py <pid> <created> <directory>`.

A process of its own, so that it outlives a run that is killed. It waits for the run's process, whose id and start time it
is given, and removes what is labelled with the run's folder. Whoever wants the containers to stay ends it before.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Watch:
    """A guard that was set: its own process."""

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
    """Set a guard over the containers of this folder. It belongs to no terminal and to no process group of the run."""
    guard = subprocess.Popen(
        # By its path, so that it loads the rest of the harness, and Docker's packages, only when it has to act.
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
