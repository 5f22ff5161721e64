from pathlib import Path
from typing import Protocol

from harness.engine.target import Target


class Engine(Protocol):
    """Makes a target and ends it.

    Every method may be called from any process: what runs is found by what it left in its folder, not by an object that
    a caller must keep.
    """

    @property
    def name(self) -> str:
        """embedded, docker, endpoint or aws."""

    @property
    def directory(self) -> Path:
        """The folder with its state."""

    def find(self) -> Target | None:
        """The target that runs, or None. Raises EngineError when it runs but does not answer."""

    def start(self) -> Target:
        """Start it, or find the one that runs; returns when it is ready. Raises EngineError when it cannot be."""

    def stop(self) -> bool:
        """End it and everything it started; returns whether it ran. What is deployed on a target that is not ours alone
        must have been removed before."""

    def keep(self) -> None:
        """Let it outlive the process that it belongs to."""

    def is_alive(self) -> bool:
        """Whether it runs, told without asking it anything."""

    def last_log_lines(self, count: int = 30) -> str:
        """The end of its log; empty when there is none."""

    def log_mark(self) -> float:
        """The end of its log now, for `log_after`. Costs next to nothing."""

    def log_after(self, mark: float) -> str:
        """What it has logged since the mark."""

    def information(self) -> dict[str, str | int | float]:
        """What `harness status` tells of it."""
