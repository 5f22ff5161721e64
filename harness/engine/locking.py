import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.engine import state_folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Admit one process at a time; others wait. The system releases the lock when its process ends."""
    state_folder.make(file.parent)
    with state_folder.opened(file, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
