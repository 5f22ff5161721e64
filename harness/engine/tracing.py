"""The trace of this thread's calls, which separates what they cause from everything else.

Every call of a target's clients carries it in AWS's own trace header, which AWS's services and ours pass on
(https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
"""

import secrets
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HEADER = "X-Amzn-Trace-Id"
Claim = Callable[[str], None]
"""Called with the mark of an action of this thread that cannot carry the trace: a message on a connection that is already
open."""
_ROOT: ContextVar[str | None] = ContextVar("harness_trace_root", default=None)
_CLAIM: ContextVar[Claim | None] = ContextVar("harness_trace_claim", default=None)


def new_root() -> str:
    """A new, unique trace root: version, seconds since the epoch, 96 random bits."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


@contextmanager
def tracing(root: str | None, claim: Claim | None = None) -> Iterator[None]:
    """The calls of this thread in this block belong to this trace; None means no trace. `claim` is called with other marks."""
    token, claiming = _ROOT.set(root), _CLAIM.set(claim)
    try:
        yield
    finally:
        _ROOT.reset(token)
        _CLAIM.reset(claiming)


def claim(mark: str) -> None:
    """Assign what has this mark in the journal to the trace of this thread's calls, if they have one."""
    if (told := _CLAIM.get()) is not None:
        told(mark)


def is_traced() -> bool:
    """Whether the calls of this thread belong to a trace now."""
    return _ROOT.get() is not None


def add_header(headers: MutableMapping[str, Any]) -> None:
    """Put the trace into a request's headers, unless they already name one."""
    if (root := _ROOT.get()) is not None and HEADER not in headers:
        headers[HEADER] = f"Root={root};Sampled=1"
