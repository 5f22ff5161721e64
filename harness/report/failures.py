"""How an activity went wrong, whichever form its record gives to that."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
    message = error.get("message") or error.get("errorMessage") or ""
    trace = error.get("stackTrace") or error.get("trace") or ()
    if isinstance(message, str) and message.startswith('{"errorMessage"'):
        # What a state machine is told of a function that raised: the function's error as JSON.
        with suppress(ValueError):  # it may have been cut
            told = failure(json.loads(message)) or Failure("", message)
            return replace(told, code=str(error.get("code") or told.code))
    return Failure(
        code=str(error.get("code") or error.get("errorType") or ""),
        message=str(message),
        lines=tuple(map(str, trace)) if isinstance(trace, (list, tuple)) else (),
    )
