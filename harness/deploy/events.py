"""Events of a running deployment: plain data for a listener."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["read", "preflight", "build", "upload", "deploy", "delete", "warning", "unchanged", "done", "failed"]


@dataclass(frozen=True, slots=True)
class DeployEvent:
    """One step of a deployment.

    `stack` is the stack's name; empty for an event about all stacks. `finished` of `total` counts what the phase handles:
    templates while reading, builds, uploads, resources while deploying. `resource` is the logical id and `status` the
    CloudFormation status, if the event is about one resource. `elapsed_seconds` counts from the start of the
    command.
    """

    stack: str
    phase: Phase
    message: str
    elapsed_seconds: float
    resource: str | None = None
    status: str | None = None
    finished: int = 0
    total: int = 0


class Reporter:
    """Passes events to one listener, one at a time, from any thread."""

    def __init__(self, listener: Callable[[DeployEvent], None]) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def tell(
        self,
        stack: str,
        phase: Phase,
        message: str,
        *,
        resource: str | None = None,
        status: str | None = None,
        finished: int = 0,
        total: int = 0,
    ) -> None:
        elapsed = time.monotonic() - self._started
        with self._lock:
            self._listener(DeployEvent(stack, phase, message, elapsed, resource, status, finished, total))


def ignore(_event: DeployEvent) -> None:
    """A listener that discards events."""
