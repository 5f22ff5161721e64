"""What real time would make due, made due now: the registry behind `POST /_harness/fire`."""

from collections.abc import Callable, Mapping
from typing import Any

Fire = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes one thing due now: takes the request's parameters, returns what it did. Raises LookupError where the thing
named does not exist and ValueError where the parameters are wrong; the message is shown to the caller."""

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
