from typing import Protocol

from harness.engine.target import Target


class Engine(Protocol):
    """Makes a target and ends it.

    Every method may be called from any process: what runs is found by what it left in its folder, not by an object that
    a caller must keep.
    """

    name: str

    def find(self) -> Target | None:
        """The target that runs, or None. Raises EngineError when it runs but does not answer."""

    def start(self) -> Target:
        """Start it, or find the one that runs; returns when it is ready. Raises EngineError when it cannot be."""

    def stop(self) -> bool:
        """End it and everything it started; returns whether it ran."""

    def is_alive(self) -> bool:
        """Whether it runs, told without asking it anything."""

    def last_log_lines(self, count: int = 30) -> str:
        """The end of its log; empty when there is none."""
