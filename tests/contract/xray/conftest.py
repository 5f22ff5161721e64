"""Segments of a test, sent over the API."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest


def new_id() -> str:
    return secrets.token_hex(8)


def new_trace_id(seconds: float | None = None) -> str:
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids"""
    return f"1-{int(time.time() if seconds is None else seconds):08x}-{secrets.token_hex(12)}"


def document(name: str, trace_id: str, seconds: float | None = 0.5, **members: Any) -> dict[str, Any]:
    """A segment that began now; without seconds it is in progress."""
    start = members.pop("start_time", time.time())
    times = {"in_progress": True} if seconds is None else {"end_time": start + seconds}
    return {"id": new_id(), "name": name, "trace_id": trace_id, "start_time": start, **times, **members}


def subsegment(name: str, seconds: float = 0.25, **members: Any) -> dict[str, Any]:
    start = time.time()
    return {"id": new_id(), "name": name, "start_time": start, "end_time": start + seconds, **members}


@dataclass
class Traces:
    """X-Ray, and the traces that a test has sent; a test finds its traces by a service with a unique name."""

    client: Any
    name: str = field(default_factory=lambda: f"contract-{secrets.token_hex(6)}")
    began: float = field(default_factory=lambda: time.time() - 60)

    def put(self, *documents: dict[str, Any] | str) -> list[dict[str, Any]]:
        """Returns what was not processed."""
        texts = [each if isinstance(each, str) else json.dumps(each) for each in documents]
        return self.client.put_trace_segments(TraceSegmentDocuments=texts)["UnprocessedTraceSegments"]

    def sent(self, seconds: float | None = 0.5, **members: Any) -> dict[str, Any]:
        """The document of a new trace, sent."""
        made = document(self.name, new_trace_id(), seconds, **members)
        assert self.put(made) == []
        return made

    @property
    def time_range(self) -> dict[str, Any]:
        return {"StartTime": self.began, "EndTime": time.time() + 60}

    def summaries(self, expression: str = "", **parameters: Any) -> list[dict[str, Any]]:
        """The summaries of this test's traces."""
        mine = f'service("{self.name}")' + (f" AND ({expression})" if expression else "")
        pages = self.client.get_paginator("get_trace_summaries").paginate(
            **{**self.time_range, "FilterExpression": mine, **parameters}
        )
        return [each for page in pages for each in page["TraceSummaries"]]


@pytest.fixture
def traces(aws: Callable[[str], Any]) -> Traces:
    return Traces(aws("xray"))
