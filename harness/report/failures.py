"""How an activity went wrong, whichever form its record gives to that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """How a hop failed. `lines` is the traceback, where there is one."""

    code: str
    message: str
    lines: tuple[str, ...] = ()


def failure(error: Any) -> Failure | None:
    """An error of a record, whichever form it has there."""
    if error in (None, "", {}):
        return None
    if not isinstance(error, Mapping):
        return Failure("", str(error))
    trace = error.get("stackTrace") or error.get("trace") or ()
    return Failure(
        code=str(error.get("code") or error.get("errorType") or ""),
        message=str(error.get("message") or error.get("errorMessage") or ""),
        lines=tuple(map(str, trace)) if isinstance(trace, (list, tuple)) else (),
    )
