"""Ends the engine when the process that started it has ended for any reason: a test run, or a booting `harness up`.

The owner's id and start time are given, so nothing has to be inherited from it, and another process that has the same id later
is not taken for it. Linux and macOS report its end as it happens.
"""

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

LOG = logging.getLogger(__name__)

OWNER_VARIABLE = "HARNESS_OWNER"
"""`<process id> <start time>`. `harness.engine.embedded` sets it."""
KEPT_VARIABLE = "HARNESS_KEPT_FILE"
"""The file whose existence says that the engine outlives its owner after all."""
SHUTDOWN_SECONDS = 10.0
_POLL_SECONDS = 0.5


def watch(environment: Mapping[str, str] = os.environ) -> None:
    """Begin to watch the owner that the environment names, if it names one."""
    if described := environment.get(OWNER_VARIABLE):
        pid, created = described.split()
        kept = Path(environment[KEPT_VARIABLE])
        threading.Thread(target=_end_after, args=(int(pid), float(created), kept), name="owner", daemon=True).start()


def _end_after(pid: int, created: float, kept: Path) -> None:
    wait_for_end(pid, created)
    if kept.exists():
        return
    LOG.warning("Process %d, which this engine belongs to, has ended, and so does the engine.", pid)
    os.kill(os.getpid(), signal.SIGTERM)
    # The remaining time is for the shutdown hooks. A process that still boots has none, and ends by the signal.
    time.sleep(SHUTDOWN_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_end(pid: int, created: float) -> None:
    """Return when the process has ended; at once when it has ended before."""
    try:
        if sys.platform == "linux":
            _wait_by_descriptor(pid, created)
        elif sys.platform == "darwin":
            _wait_by_queue(pid, created)
    except OSError:
        # Ended already, or a container's seccomp profile or an old kernel does not allow the query.
        pass
    while _runs(pid, created):
        time.sleep(_POLL_SECONDS)


def _runs(pid: int, created: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_by_descriptor(pid: int, created: float) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        # From here on the id cannot come to mean another process unnoticed.
        if _runs(pid, created):
            select.select([descriptor], [], [])
    finally:
        os.close(descriptor)


def _wait_by_queue(pid: int, created: float) -> None:
    if sys.platform != "darwin":
        return
    queue = select.kqueue()
    try:
        event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT)
        queue.control([event], 0)
        if _runs(pid, created):
            queue.control(None, 1)
    finally:
        queue.close()
