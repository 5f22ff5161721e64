"""Records the invocations of functions, and joins each call of a function to the invocation that made it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.journal import marks, payloads
from harness.emulator.journal.causes import SEGMENTS, Recent, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.journal.records import Kind

LAST = Recent()
"""The last invocation of a request, by its id: what Lambda does with the outcome is caused by it."""


@dataclass
class Running:
    """An invocation in progress; the code that runs it reports how it ended."""

    ended: dict[str, Any] = field(default_factory=dict)

    def end(self, body: bytes, *, is_error: bool, log: str, cold: bool) -> None:
        self.ended = {"error" if is_error else "result": payloads.text(body), "log": log, "cold": cold}


@contextmanager
def invocation(function_arn: str, environment: str, payload: Mapping[str, str]) -> Iterator[Running]:
    """One event in one execution environment. `payload` is what LocalStack gives to an executor."""
    running = Running()
    if not JOURNAL.enabled:
        yield running
        return
    header = TraceHeader.from_header_str(payload["trace-id"])
    name = function_arn.split(":")[6]
    what = {"service": "lambda", "name": name, "resource": function_arn}
    activity = JOURNAL.begin(
        Kind.INVOCATION,
        **what,
        trace=header.root or "",
        account_id=function_arn.split(":")[4],
        region=function_arn.split(":")[3],
        takes=(marks.invocation(payload["invoke-id"]),),
        data={
            "event": payloads.text(payload["payload"]),
            "request_id": payload["invoke-id"],
            "environment": environment,
        },
    )
    LAST.put(payload["invoke-id"], activity)
    if header.parent:
        SEGMENTS.put(header.parent, activity)
    try:
        with doing(activity):
            yield running
    except Exception as error:
        running.ended = {"error": {"errorType": type(error).__name__, "errorMessage": str(error)}}
        raise
    finally:
        JOURNAL.end(Kind.INVOCATION, activity, **what, data=running.ended)
