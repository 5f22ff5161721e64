"""Activities: begin and end are recorded, and what the activity left and took in between.

The data planes (queues, streams, callbacks) report what is left and taken where it happens, in the thread of the activity,
whatever API the operation was called through.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.journal.causes import Cause, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.journal.records import Kind


@dataclass
class Gathered:
    """What an activity is seen to do while it runs; its end says it."""

    takes: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    ended: dict[str, Any] = field(default_factory=dict)


GATHERED: ContextVar[Gathered | None] = ContextVar("harness_gathered", default=None)
"""Of the activity of this thread; None where nothing is recorded."""


def take(*marks: str) -> None:
    if (gathered := GATHERED.get()) is not None:
        gathered.takes.extend(marks)


def leave(*marks: str) -> None:
    if (gathered := GATHERED.get()) is not None:
        gathered.leaves.extend(marks)


@contextmanager
def activity(kind: Kind, *, service: str, name: str, resource: str = "", **what: Any) -> Iterator[Gathered]:
    """An activity that lasts while the block runs, and is the cause of what happens in it.

    What the block puts into `ended` is the data of the end; an exception is its `error`.
    """
    gathered = Gathered()
    begun: Cause = JOURNAL.begin(kind, service=service, name=name, resource=resource, **what)
    token = GATHERED.set(gathered)
    try:
        with doing(begun):
            yield gathered
    except Exception as error:
        gathered.ended.setdefault("error", error_of(error))
        raise
    finally:
        GATHERED.reset(token)
        JOURNAL.end(
            kind,
            begun,
            service=service,
            name=name,
            resource=resource,
            takes=tuple(gathered.takes),
            leaves=tuple(gathered.leaves),
            data=gathered.ended,
        )


def error_of(error: Exception) -> dict[str, str]:
    """An exception as `code` and `message`; the code is AWS's own where a service refused a call."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        return {"code": str(response["Error"].get("Code")), "message": str(response["Error"].get("Message"))}
    return {"code": type(error).__name__, "message": str(error)}
