"""Segment documents with the minimum that AWS requires, and traces of them."""

from itertools import count
from typing import Any

from harness.emulator.xray.segments import Document
from harness.emulator.xray.traces import CompiledTrace, XrayTrace

NOW = 1_800_000_000.0
TRACE_ID = f"1-{int(NOW):08x}-a006649127e371903a2de979"
_IDS = count(1)


def document(name: str = "shop", seconds: float | None = 1.0, *, start: float = NOW, **members: Any) -> Document:
    """A segment that took some seconds; None: it is in progress."""
    times = {"in_progress": True} if seconds is None else {"end_time": start + seconds}
    return {"id": f"{next(_IDS):016x}", "name": name, "trace_id": TRACE_ID, "start_time": start, **times, **members}


def subsegment(name: str = "call", seconds: float | None = 0.5, **members: Any) -> Document:
    """One that is embedded in a segment."""
    made = document(name, seconds, **members)
    del made["trace_id"]
    return made


def http(status: int | None = None, **request: Any) -> Document:
    return {"request": request, "response": {} if status is None else {"status": status}}


def trace(*documents: Document) -> CompiledTrace:
    made = XrayTrace(TRACE_ID)
    for each in documents:
        made.put(each, 100)
    return made.compiled()
