"""The event of a function URL, and the response that a function's result becomes.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Pairs = Sequence[tuple[str, str]]
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
_UNSEEN = frozenset({"connection", "cookie", "remote-addr"})
"""Headers that AWS does not pass on; cookies come as a list."""


@dataclass(frozen=True, slots=True)
class FunctionUrlRequest:
    """One request at a function URL. `path` and `query` are as the client sent them."""

    url_id: str
    domain: str
    method: str
    path: str
    query: str
    arguments: Pairs
    headers: Pairs
    body: bytes
    source_ip: str
    request_id: str
    port: int
    account_id: str = "anonymous"
    iam: Mapping[str, str | None] | None = None
    """Who signed it, as `requestContext.authorizer.iam` has it; None where the URL asks for no signature."""


@dataclass(frozen=True, slots=True)
class FunctionUrlResponse:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Several values of one name, joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def event_of(asked: FunctionUrlRequest) -> dict[str, Any]:
    """The event in payload format 2.0."""
    headers = _joined((name.lower(), value) for name, value in asked.headers if name.lower() not in _UNSEEN)
    headers |= {
        "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
        "x-amzn-tls-version": "TLSv1.3",
        "x-forwarded-for": asked.source_ip,
        "x-forwarded-port": str(asked.port),
        "x-forwarded-proto": headers.get("x-forwarded-proto", "https"),
    }
    now = datetime.now(UTC)
    context: dict[str, Any] = {
        "accountId": asked.account_id,
        "apiId": asked.url_id,
        "domainName": asked.domain,
        "domainPrefix": asked.url_id,
        "http": {
            "method": asked.method,
            "path": asked.path,
            "protocol": "HTTP/1.1",
            "sourceIp": asked.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": asked.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{now:%d/%b/%Y:%H:%M:%S +0000}",
        "timeEpoch": int(now.timestamp() * 1000),
    }
    if asked.iam is not None:
        context["authorizer"] = {"iam": dict(asked.iam)}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": asked.path,
        "rawQueryString": asked.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    cookies = [c.strip() for name, value in asked.headers if name.lower() == "cookie" for c in value.split(";")]
    if cookies:
        event["cookies"] = [cookie for cookie in cookies if cookie]
    if asked.arguments:
        event["queryStringParameters"] = _joined(asked.arguments)
    if asked.body:
        event["isBase64Encoded"] = not _is_text(headers.get("content-type", ""), asked.body)
        binary = event["isBase64Encoded"]
        event["body"] = base64.b64encode(asked.body).decode() if binary else asked.body.decode()
    return event


def _is_text(content_type: str, body: bytes) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind.startswith(_TEXT) or kind.endswith(("+json", "+xml"))):
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def answer_of(payload: bytes) -> FunctionUrlResponse:
    """What the client gets for a result. Raises ValueError for one that is no answer.

    A result with a `statusCode` is taken as an answer; every other one is the body of a 200 in JSON.
    """
    try:
        result = json.loads(payload)
    except ValueError:
        return _streamed(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        body = result if isinstance(result, str) else json.dumps(result, separators=(",", ":"), ensure_ascii=False)
        return FunctionUrlResponse(200, [("Content-Type", "application/json")], body.encode())
    return _answer(result, _body(result))


def _streamed(payload: bytes) -> FunctionUrlResponse:
    """A streamed answer: its metadata, eight zero bytes, the body
    (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming)."""
    metadata, separator, body = payload.partition(b"\x00" * 8)
    if not separator:
        return FunctionUrlResponse(200, [("Content-Type", "application/octet-stream")], payload)
    return _answer(json.loads(metadata), body)


def _answer(result: Mapping[str, Any], body: bytes) -> FunctionUrlResponse:
    status = result.get("statusCode", 200)
    status = int(status) if isinstance(status, int | str) and str(status).isdecimal() else -1
    if not 100 <= status <= 599:
        raise ValueError(f"statusCode {result.get('statusCode')!r} is no HTTP status")
    given = result.get("headers") or {}
    if not isinstance(given, Mapping):
        raise ValueError("headers is no object")
    headers = [(str(name), str(value)) for name, value in given.items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    headers += [("Set-Cookie", str(cookie)) for cookie in result.get("cookies") or ()]
    return FunctionUrlResponse(status, headers, body)


def _body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if result.get("isBase64Encoded"):
        try:
            return base64.b64decode(str(body), validate=True)
        except binascii.Error as error:
            raise ValueError(f"body is not base64: {error}") from error
    return str(body).encode() if not isinstance(body, dict | list) else json.dumps(body).encode()
