import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.engine import state_folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time; a second one waits. The system releases the lock of a process that dies."""
    state_folder.make(file.parent)
    with state_folder.opened(file, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
