"""Pages of trace summaries: the token of the next page says after which trace it begins."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.emulator.xray.traces import CompiledTrace

PAGE = 100
_OF_THE_QUERY = ("StartTime", "EndTime", "TimeRangeType", "FilterExpression")


class InvalidTokenError(ValueError):
    """A token that was not given for this query."""


def page(traces: Sequence[CompiledTrace], request: Mapping[str, Any]) -> tuple[list[CompiledTrace], str | None]:
    """The newest traces first, and the token of the next page. Raises InvalidTokenError.

    The token names a trace and not a number, so what arrives between two pages neither repeats nor hides one.
    """
    ordered = sorted(traces, key=_key)
    if token := request.get("NextToken"):
        after = _read(token, _digest(request))
        ordered = [each for each in ordered if _key(each) > after]
    shown = ordered[:PAGE]
    return shown, _token(shown[-1], request) if len(ordered) > PAGE else None


def _key(trace: CompiledTrace) -> tuple[float, str]:
    return -trace.time, trace.id


def _digest(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr([request.get(name) for name in _OF_THE_QUERY]).encode()).hexdigest()[:16]


def _token(last: CompiledTrace, request: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_digest(request), *_key(last)]).encode()).decode()


def _read(token: str, digest: str) -> tuple[float, str]:
    try:
        of, time, trace_id = json.loads(base64.urlsafe_b64decode(token))
        after = float(time), str(trace_id)
    except (ValueError, TypeError):
        raise InvalidTokenError("The NextToken is not valid.") from None
    if of != digest:
        raise InvalidTokenError("The NextToken belongs to a request with other parameters.")
    return after
