"""How long a reader waits before it polls a source again that returned an error."""

from harness.emulator.controls.delays import DELAYS

FIRST_SECONDS = 0.5


class Pauses:
    """Each is twice as long as the one before, up to `source_pause_seconds`."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def next(self) -> float:
        pause = min(self._next, DELAYS.source_pause_seconds)
        self._next = pause * 2
        return pause

    def reset(self) -> None:
        self._next = FIRST_SECONDS
