"""Segment documents: what AWS accepts, and what one says of the work that it is about.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.emulator.bounded.nesting import too_deep

Document = dict[str, Any]

MAX_BYTES = 64 * 1024
RETENTION_SECONDS = 30 * 24 * 3600
"""https://docs.aws.amazon.com/general/latest/gr/xray.html"""
_ID = re.compile(r"[0-9a-fA-F]{16}")
_TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_SYMBOLS = frozenset("_.:/%&#=+\\-@")


class InvalidDocumentError(Exception):
    """A document that goes to UnprocessedTraceSegments, with AWS's error code and, if it can be read, the segment's id."""

    def __init__(self, code: str, segment_id: str | None = None, *, kind: str = "segment"):
        self.code = code
        self.segment_id = segment_id
        self.message = f"Invalid {kind}. ErrorCode: {code}"
        super().__init__(self.message)

    def as_response(self) -> dict[str, str]:
        described = {"ErrorCode": self.code, "Message": self.message}
        return {"Id": self.segment_id, **described} if self.segment_id else described


def parse(text: str, now: float) -> Document:
    """The document, checked. Raises InvalidDocumentError.

    AWS documents the form of a refusal and the code InvalidTraceId
    (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-segments); users have seen MissingId
    (https://github.com/humanmade/aws-xray/issues/29) and InvalidName (https://github.com/aws/aws-xray-daemon/issues/184). The
    other codes are named after these.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidDocumentError("SegmentTooLarge")
    if too_deep(text):
        raise InvalidDocumentError("ParseError")
    try:
        document = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidDocumentError("ParseError") from None
    if not isinstance(document, dict):
        # An array, be it empty, has no id.
        raise InvalidDocumentError("MissingId")
    _check(document, is_embedded=False)
    trace_id = document["trace_id"]
    # The date in an id counts only if it is one: a W3C trace id has 32 random bits there, and AWS takes it.
    if max(trace_id_time(trace_id), document["start_time"]) < now - RETENTION_SECONDS:
        raise InvalidDocumentError("InvalidTraceId", document["id"], kind=_kind(document))
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


def _kind(document: Mapping[str, Any]) -> str:
    return "subsegment" if document.get("type") == "subsegment" else "segment"


def _check(document: Any, *, is_embedded: bool) -> None:
    if not isinstance(document, dict):
        raise InvalidDocumentError("ParseError", kind="subsegment")
    kind = "subsegment" if is_embedded else _kind(document)
    segment_id = document.get("id") if isinstance(document.get("id"), str) else None

    def refuse(code: str) -> InvalidDocumentError:
        return InvalidDocumentError(code, segment_id, kind=kind)

    required = ["id", "name", "start_time"]
    if not is_embedded:
        required += ["trace_id"]
    if kind == "subsegment" and not is_embedded:
        required += ["parent_id"]
    for member in required:
        if document.get(member) is None:
            raise refuse(f"Missing{_title(member)}")
    for member, expression in (("id", _ID), ("trace_id", _TRACE_ID), ("parent_id", _ID)):
        value = document.get(member)
        if value is not None and not (isinstance(value, str) and expression.fullmatch(value)):
            raise refuse(f"Invalid{_title(member)}")
    name = document["name"]
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or not all(map(_is_allowed, name)):
        raise refuse("InvalidName")
    _check_times(document, refuse)
    if document.get("type") not in (None, "subsegment"):
        raise refuse("InvalidType")
    if document.get("namespace") not in (None, "aws", "remote"):
        raise refuse("InvalidNamespace")
    for member in ("http", "aws", "annotations", "metadata", "service", "sql"):
        if not isinstance(document.get(member), dict | None):
            raise refuse(f"Invalid{_title(member)}")
    embedded = document.get("subsegments")
    if not isinstance(embedded, list | None):
        raise refuse("InvalidSubsegments")
    for each in embedded or ():
        _check(each, is_embedded=True)


def _check_times(document: Document, refuse: Any) -> None:
    for member in ("start_time", "end_time"):
        value = document.get(member)
        if value is not None and not _is_time(value):
            raise refuse(f"Invalid{_title(member)}")
    end = document.get("end_time")
    if not isinstance(document.get("in_progress"), bool | None):
        raise refuse("InvalidInProgress")
    if end is None and not document.get("in_progress"):
        raise refuse("MissingEndTime")
    if end is not None and end < document["start_time"]:
        raise refuse("InvalidEndTime")


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def _is_allowed(character: str) -> bool:
    """Unicode letters, numbers and whitespace, and a few symbols."""
    return character.isalpha() or character.isnumeric() or character.isspace() or character in _SYMBOLS


def _title(member: str) -> str:
    return "".join(part.capitalize() for part in member.split("_"))


# ---- what a document says ----------------------------------------------------------------------------------------


def trace_id_time(trace_id: str) -> float:
    """The time of the original request that is part of an X-Ray trace id, in seconds since 1970."""
    return float(int(trace_id.split("-")[1], 16))


def is_subsegment(document: Mapping[str, Any]) -> bool:
    return document.get("type") == "subsegment"


def is_in_progress(document: Mapping[str, Any]) -> bool:
    return document.get("end_time") is None


def duration(document: Mapping[str, Any]) -> float | None:
    """In seconds; None while the work is in progress."""
    end = document.get("end_time")
    return None if end is None else float(end) - float(document["start_time"])


def within(document: Mapping[str, Any], *path: str) -> Any:
    """A value inside a document; None if a part of the path is missing or no object."""
    value: Any = document
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def status(document: Mapping[str, Any]) -> int | None:
    value = within(document, "http", "response", "status")
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def has_fault(document: Mapping[str, Any]) -> bool:
    return document.get("fault") is True or (status(document) or 0) // 100 == 5


def has_error(document: Mapping[str, Any]) -> bool:
    return document.get("error") is True or (status(document) or 0) // 100 == 4


def has_throttle(document: Mapping[str, Any]) -> bool:
    return document.get("throttle") is True or status(document) == 429


def is_ok(document: Mapping[str, Any]) -> bool:
    return not (has_fault(document) or has_error(document) or has_throttle(document))


def subsegments(document: Mapping[str, Any]) -> Iterator[Document]:
    """Its subsegments, and those within them."""
    for each in document.get("subsegments") or ():
        yield each
        yield from subsegments(each)
