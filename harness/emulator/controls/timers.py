"""Fires what real time would make due: the registry behind `POST /_harness/fire`.

Either by a *kind*, which is named after what it fires ("cognito-code-expiry" of a user), or by the kind `timer` with the number
of a record: the journal announces a timer for a retry, a Wait or a hidden message.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

Fire = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes one thing due now: takes the request's parameters, returns what it did. Raises LookupError where the thing
named does not exist and ValueError where the parameters are wrong; the message is shown to the caller."""

KIND = "timer"
MAX_REMEMBERED = 10_000
_FIRE: dict[str, Fire] = {}


def on_fire(kind: str) -> Callable[[Fire], Fire]:
    """Register what `POST /_harness/fire {"kind": kind, ...}` does."""

    def register(fire: Fire) -> Fire:
        _FIRE[kind] = fire
        return fire

    return register


def fire(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in _FIRE:
        raise ValueError(f"no timer of kind {kind!r}; there are: {', '.join(sorted(_FIRE)) or 'none'}")
    return _FIRE[kind](parameters)


class Timers:
    """What this engine waits for, by the activity that the journal announced it with. The oldest are forgotten."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        self._lock = threading.Lock()
        self._size = size
        self._make_due: OrderedDict[int, Callable[[], object]] = OrderedDict()
        self._asked_early: OrderedDict[int, None] = OrderedDict()

    def set(self, timer: int, make_due: Callable[[], object]) -> None:
        """Register how the timer is made due. Makes it due at once if a test fired it since its announcement."""
        with self._lock:
            early = timer in self._asked_early
            self._asked_early.pop(timer, None)
            if not early:
                self._make_due[timer] = make_due
                if len(self._make_due) > self._size:
                    self._make_due.popitem(last=False)
        if early:
            make_due()

    def over(self, timer: int) -> None:
        """It became due in real time, or nothing waits for it any more."""
        with self._lock:
            self._make_due.pop(timer, None)

    def make_due(self, timer: int) -> None:
        with self._lock:
            make_due = self._make_due.pop(timer, None)
            if make_due is None:
                self._asked_early[timer] = None
                if len(self._asked_early) > self._size:
                    self._asked_early.popitem(last=False)
        if make_due is not None:
            make_due()


TIMERS = Timers()
"""The timers of this LocalStack process."""


@on_fire(KIND)
def fire_timers(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make due what the journal announced: `activities`, the numbers of timers. What is due or over already stays as it is."""
    numbers = parameters.get("activities")
    if set(parameters) != {"activities"} or not isinstance(numbers, list) or not all(type(n) is int for n in numbers):
        raise ValueError(f'{KIND} takes "activities", the numbers of timers in the journal')
    for number in numbers:
        TIMERS.make_due(number)
    return {}
