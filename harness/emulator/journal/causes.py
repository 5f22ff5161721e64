"""Carries the cause of what happens along this engine's threads, pools and internal calls.

What one request causes continues in threads that it starts, in tasks that it gives to a pool, and in calls from one service
to another, which LocalStack makes through its own gateway. The cause goes along: with the thread, with the task, and in a
header of the call. What waits in a queue or a stream starts a new trace, and is joined by marks (`harness.journal.records`).

A function's own calls come from outside of this process. Every AWS SDK sends the trace header that the runtime gave it, and
each invocation has a separate segment in it (`lambda_.invocation_metadata`), so they are known by that.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from localstack.aws.connect import InternalClientFactory

from harness.emulator.patches import patched

P = ParamSpec("P")
R = TypeVar("R")

HEADER = "x-harness-cause"
MAX_RECENT = 10_000


@dataclass(frozen=True, slots=True)
class Cause:
    """An activity or a note of the journal, and the root of the trace that it belongs to."""

    activity: int
    trace: str

    def to_header(self) -> str:
        return f"{self.activity};{self.trace}"

    @classmethod
    def from_header(cls, header: str) -> "Cause | None":
        activity, _, trace = header.partition(";")
        return cls(int(activity), trace) if activity.isdigit() else None


CAUSE: ContextVar[Cause | None] = ContextVar("harness_cause", default=None)
"""What this thread is doing; None where nothing recorded has caused it."""


@contextmanager
def doing(cause: Cause | None) -> Iterator[None]:
    """What happens inside is caused by this."""
    token = CAUSE.set(cause)
    try:
        yield
    finally:
        CAUSE.reset(token)


class Recent:
    """Activities by a name that others will know them by; the oldest are forgotten."""

    def __init__(self, size: int = MAX_RECENT) -> None:
        self._lock = threading.Lock()
        self._size = size
        self._known: OrderedDict[str, Cause] = OrderedDict()

    def put(self, name: str, cause: Cause) -> None:
        with self._lock:
            self._known[name] = cause
            self._known.move_to_end(name)
            if len(self._known) > self._size:
                self._known.popitem(last=False)

    def get(self, name: str | None) -> Cause | None:
        return self._known.get(name) if name else None


SEGMENTS = Recent()
"""Which activity gave a function its trace header, by the header's parent."""


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """The function as it will run elsewhere, with the cause that is in force here."""
    cause = CAUSE.get()

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with doing(cause):
            return function(*args, **kwargs)

    return run


_ERRORS: ContextVar[dict[str, Any] | None] = ContextVar("harness_last_error", default=None)


@contextmanager
def last_error() -> Iterator[dict[str, Any]]:
    """`code` and `message` of the last internal call of this thread that was refused while the block ran; empty where
    none was. For callers that keep to themselves what went wrong."""
    error: dict[str, Any] = {}
    token = _ERRORS.set(error)
    try:
        yield error
    finally:
        _ERRORS.reset(token)


def _keep_error(parsed: Any, **_kwargs: Any) -> None:
    kept = _ERRORS.get()
    if kept is not None and isinstance(parsed, dict) and "Error" in parsed:
        kept.update(code=parsed["Error"].get("Code"), message=parsed["Error"].get("Message"))


def _add_header(params: dict[str, Any], **_kwargs: Any) -> None:
    if (cause := CAUSE.get()) is not None:
        params["headers"][HEADER] = cause.to_header()
        if cause.trace:
            # What it invokes continues in the same trace.
            params["headers"].setdefault("X-Amzn-Trace-Id", f"Root={cause.trace}")


def install() -> None:
    @patched(
        InternalClientFactory._get_client_post_hook, because="the cause of a call travels with internal calls", layer=1
    )
    def make_client(original: Any, self: Any, client: Any) -> Any:
        client = original(self, client)
        client.meta.events.register("before-call.*.*", handler=_add_header)
        client.meta.events.register("after-call.*.*", handler=_keep_error)
        return client
