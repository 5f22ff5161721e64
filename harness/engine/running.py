"""Finds this user's embedded engines on this machine by their processes, including those without a state file."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from harness.engine import state_folder
from harness.engine.embedded import BOOT_SECONDS, COMMAND, KEPT_FILE, OWNER_VARIABLE, EmbeddedEngine

RUN_PREFIX = "run-"
"""The folder of a test run's engine is `run-<process id>`."""


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """One engine's process. `test_run` is the process id of its test run; `stray` is the reason why no command and no run uses it
    any more, and is None otherwise."""

    pid: int
    created: float
    directory: Path
    port: int
    test_run: int | None
    kept: bool
    stray: str | None

    @property
    def age(self) -> timedelta:
        return timedelta(seconds=max(0, round(time.time() - self.created)))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def belongs_to(self) -> str:
        """Its owner, in words."""
        if self.stray:
            return f"stray: {self.stray}"
        if self.test_run is None:
            return "harness up"
        return f"test run {self.test_run}{' (kept)' if self.kept else ''}"

    def to_json(self) -> dict[str, object]:
        return {
            "directory": str(self.directory),
            "port": self.port,
            "pid": self.pid,
            "age_seconds": int(self.age.total_seconds()),
            "test_run": self.test_run,
            "kept": self.kept,
            "stray": self.stray,
        }

    def end(self) -> None:
        """End it with its functions."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) < 1.0:
                EmbeddedEngine.end_process(process)


def engines() -> list[RunningEngine]:
    """The engines of this user, oldest first."""
    return sorted(_found(), key=lambda engine: engine.created)


def strays() -> list[RunningEngine]:
    return [engine for engine in engines() if engine.stray]


def _found() -> Iterator[RunningEngine]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError, KeyError, ValueError):
            if process.cmdline()[1:] != COMMAND[1:] or process.uids().effective != os.geteuid():
                continue
            environment = process.environ()
            files = Path(environment["FILESYSTEM_ROOT"])
            if files.name != state_folder.ENGINE_FILES:
                # In a container.
                continue
            yield _described(process, files.parent, environment)


def _described(process: psutil.Process, directory: Path, environment: dict[str, str]) -> RunningEngine:
    run = directory.name.removeprefix(RUN_PREFIX)
    test_run = int(run) if run != directory.name and run.isdigit() else None
    kept = (directory / KEPT_FILE).exists()
    return RunningEngine(
        pid=process.pid,
        created=process.create_time(),
        directory=directory,
        port=int(environment["GATEWAY_LISTEN"].split(",")[0].rpartition(":")[2]),
        test_run=test_run,
        kept=kept,
        stray=_why_stray(process, directory, None if kept else test_run, environment),
    )


def _why_stray(
    process: psutil.Process, directory: Path, test_run: int | None, environment: dict[str, str]
) -> str | None:
    if test_run is not None and not psutil.pid_exists(test_run):
        return f"its test run (process {test_run}) has ended"
    if EmbeddedEngine(directory).pid == process.pid:
        return None
    owner = environment.get(OWNER_VARIABLE, "").partition(" ")[0]
    starts = time.time() - process.create_time() < BOOT_SECONDS
    if starts and (not owner or psutil.pid_exists(int(owner))):
        # The command that starts it is about to write the state file.
        return None
    return "its folder is gone" if not directory.exists() else "its folder names another engine, or none"
