"""What a load balancer answers: what a function returned, read strictly, or the load balancer's page.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#respond-to-load-balancer
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MAX_BYTES = 1024 * 1024
"""Of a request's body, and of the JSON that a function returns."""
DEFAULT_TYPE = "application/octet-stream"
SERVER = ("Server", "awselb/2.0")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Those of a connection, which the load balancer does not honour, and the length, which it counts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a load balancer answers for a target. `code` is the error reason of its access logs
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#error-reason-codes)."""

    code: str
    message: str
    is_doubt: bool = False
    """The target's answer was sent all the same."""


@dataclass(frozen=True, slots=True)
class LoadBalancerResponse:
    """An HTTP answer. `problem` is what keeps it from being the target's, or a doubt about what the target returned."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str = ""
    problem: Problem | None = None


class InvalidResponseError(ValueError):
    """What a function returned is not an answer; the message says why."""


def page(status: int, problem: Problem | None = None) -> LoadBalancerResponse:
    """The load balancer's own page for a status."""
    title = f"{status} {phrase(status)}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return LoadBalancerResponse(status, (SERVER, ("Content-Type", "text/html")), body.encode(), problem=problem)


def phrase(status: int) -> str:
    """What stands after the number of a status; "" where it has none."""
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return ""


# As nginx words them, of which AWS's pages have the form.
_PHRASES = {413: "Request Entity Too Large", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def answer_of(payload: bytes, *, multi_value: bool) -> LoadBalancerResponse:
    """A function's result as an answer. Raises InvalidResponseError.

    "You must use multiValueHeaders if you have enabled multi-value headers and headers otherwise": the other of them is not
    looked at, and `problem` of the response reports it.
    """
    try:
        returned = json.loads(payload)
    except ValueError:
        raise InvalidResponseError("it is not JSON") from None
    if not isinstance(returned, dict):
        raise InvalidResponseError(f"it is {_kind(returned)} and not an object with a statusCode")
    headers = tuple(_headers(returned, multi_value))
    names = {name.lower() for name, _ in headers}
    if "content-type" not in names:
        headers = (*headers, ("Content-Type", DEFAULT_TYPE))
    if "server" not in names:
        headers = (SERVER, *headers)
    status = _status(returned)
    # The others have none (https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1).
    body = _body(returned) if status not in (204, 304) else b""
    return LoadBalancerResponse(status, headers, body, _reason(returned), _ignored(returned, multi_value))


def _status(returned: Mapping[str, Any]) -> int:
    if "statusCode" not in returned:
        raise InvalidResponseError("it has no statusCode")
    status = returned["statusCode"]
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise InvalidResponseError(f"its statusCode is {json.dumps(status)} and not the number of a status")
    return status


def _reason(returned: Mapping[str, Any]) -> str:
    """ "200 OK" is the phrase with its number."""
    description = returned.get("statusDescription") or ""
    if not isinstance(description, str):
        raise InvalidResponseError(f"its statusDescription is {_kind(description)} and not a string")
    return re.sub(r"^\d{3}\s+", "", description)


def _headers(returned: Mapping[str, Any], multi_value: bool) -> list[tuple[str, str]]:
    field = "multiValueHeaders" if multi_value else "headers"
    given = returned.get(field, {})
    if not isinstance(given, dict):
        raise InvalidResponseError(f"its {field} are {_kind(given)} and not an object")
    found = []
    for name, value in given.items():
        values = value if multi_value else [value]
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            wanted = "a list of strings" if multi_value else "a string"
            raise InvalidResponseError(f"its header {name} is {_kind(value)} and not {wanted}")
        if not _TOKEN.fullmatch(name) or any(re.search(r"[\r\n\0]", each) for each in values):
            raise InvalidResponseError(f"its header {name!r} is not valid in HTTP")
        if name.lower() not in _HOP_BY_HOP:
            found += [(name, each) for each in values]
    return found


def _body(returned: Mapping[str, Any]) -> bytes:
    body = returned.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidResponseError(f"its body is {_kind(body)} and not a string")
    encoded = returned.get("isBase64Encoded", False)
    if not isinstance(encoded, bool):
        raise InvalidResponseError(f"its isBase64Encoded is {json.dumps(encoded)} and neither true nor false")
    if not encoded:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise InvalidResponseError("its isBase64Encoded is true, and its body is not Base64") from None


def _ignored(returned: Mapping[str, Any], multi_value: bool) -> Problem | None:
    field, other = ("multiValueHeaders", "headers") if multi_value else ("headers", "multiValueHeaders")
    if not returned.get(other) or returned.get(field):
        return None
    enabled = "enabled" if multi_value else "not enabled"
    message = f"its {other} are not looked at, as the target group has multi-value headers {enabled}: it takes {field}"
    return Problem("IgnoredHeaders", message, is_doubt=True)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"
