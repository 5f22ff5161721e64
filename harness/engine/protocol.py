from pathlib import Path
from typing import Protocol

from harness.engine.target import Target


class Engine(Protocol):
    """Starts a target and stops it.

    Every method may be called from any process: the running target is found through its folder, not through an object that
    the caller must keep.
    """

    @property
    def name(self) -> str:
        """embedded, docker, endpoint or aws."""

    @property
    def directory(self) -> Path:
        """The folder with its state."""

    def find(self) -> Target | None:
        """The running target, or None. Raises EngineError if it runs but does not answer."""

    def start(self) -> Target:
        """Start it, or find the running one; returns when it is ready. Raises EngineError if that fails."""

    def stop(self) -> bool:
        """Stop it and everything that it started; returns whether it was running. A deployment on a shared target must have been
        removed before."""

    def keep(self) -> None:
        """Let it outlive its owner."""

    def is_alive(self) -> bool:
        """Whether it is running. Makes no request."""

    def last_log_lines(self, count: int = 30) -> str:
        """The end of its log; empty if there is none."""

    def log_mark(self) -> float:
        """The current end of its log, for `log_after`. Cheap."""

    def log_after(self, mark: float) -> str:
        """What it has logged since the mark."""

    def information(self) -> dict[str, str | int | float]:
        """What `harness status` reports about it."""
