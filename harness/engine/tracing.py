"""The trace that this thread's calls belong to, so that what they cause can be told from everything else.

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
"""Told of the mark of something that this thread did and that cannot carry the trace: a message on a connection that
is open already."""
_ROOT: ContextVar[str | None] = ContextVar("harness_trace_root", default=None)
_CLAIM: ContextVar[Claim | None] = ContextVar("harness_trace_claim", default=None)


def new_root() -> str:
    """The root of a trace that nobody else has: version, seconds since the epoch, 96 random bits."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


@contextmanager
def tracing(root: str | None, claim: Claim | None = None) -> Iterator[None]:
    """The calls of this thread in this block are of this trace; of none, for None. `claim` is told what else is."""
    token, claiming = _ROOT.set(root), _CLAIM.set(claim)
    try:
        yield
    finally:
        _ROOT.reset(token)
        _CLAIM.reset(claiming)


def claim(mark: str) -> None:
    """Say that what has this mark in the journal is of the trace of this thread's calls; of none where they have none."""
    if (told := _CLAIM.get()) is not None:
        told(mark)


def is_traced() -> bool:
    """Whether the calls of this thread are of a trace now."""
    return _ROOT.get() is not None


def add_header(headers: MutableMapping[str, Any]) -> None:
    """Put the trace into a request's headers, unless they name another."""
    if (root := _ROOT.get()) is not None and HEADER not in headers:
        headers[HEADER] = f"Root={root};Sampled=1"
