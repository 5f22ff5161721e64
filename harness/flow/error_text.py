"""The errors of records in each form that a record has: a code, a message, a traceback; and all of it in one line."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from harness.flow.history import Activity
from harness.journal.records import Kind


@dataclass(frozen=True, slots=True)
class ErrorText:
    """How an activity failed. `lines` is the traceback; empty where the record has none."""

    code: str
    message: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In one line: the code, and the message of the service or the function."""
        message = self.message
        if self.code and message.startswith(f"An error occurred ({self.code})"):
            # botocore puts its own text before the service's message.
            message = message.partition(": ")[2] or message
        return one_line(f"{self.code}: {message}" if self.code and message else self.code or message)


def error_of(activity: Activity) -> ErrorText | None:
    """The error that an activity ended with; None if it ended without one, or has not ended."""
    data = activity.data
    if activity.kind is Kind.TRANSITION and isinstance(data.get("event"), Mapping):
        details = data["event"].get("details") or {}
        named = {"code": details.get("error"), "message": details.get("cause")}
        return error_text({name: value for name, value in named.items() if value})
    if activity.kind is Kind.TRANSITION and isinstance(activity.error, str):
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html: error and cause.
        return error_text({"code": activity.error, "message": str(data.get("cause") or "")})
    return error_text(activity.error)


def error_text(error: Any) -> ErrorText | None:
    """An error of a record; None for an empty one."""
    if error in (None, "", {}):
        return None
    if not isinstance(error, Mapping):
        return ErrorText("", str(error))
    message = str(error.get("message") or error.get("errorMessage") or error.get("Message") or "")
    code = str(error.get("code") or error.get("errorType") or error.get("Code") or "")
    if message.startswith('{"errorMessage"'):
        # A state machine has the error of a function that raised as JSON.
        with suppress(ValueError):  # it may have been cut
            of_function = error_text(json.loads(message)) or ErrorText("", message)
            return replace(of_function, code=code or of_function.code)
    trace = error.get("stackTrace") or error.get("trace") or ()
    return ErrorText(code, message, tuple(map(str, trace)) if isinstance(trace, (list, tuple)) else ())


def one_line(text: str) -> str:
    return " ".join(text.split())
