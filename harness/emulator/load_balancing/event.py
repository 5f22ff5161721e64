"""The event of a function for a request.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#receive-event-from-load-balancer
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from harness.emulator.load_balancing.rules import LoadBalancerRequest, Pairs

_TEXT = frozenset({"application/json", "application/javascript", "application/xml"})


def event_of(asked: LoadBalancerRequest, body: bytes, target_group_arn: str, *, multi_value: bool) -> dict[str, Any]:
    """`multi_value` is the target group's attribute `lambda.multi_value_headers.enabled`: without it the last of several
    values is sent. Nothing is decoded: neither the path nor the query.

    Raises UnicodeDecodeError for text that is not UTF-8, which AWS does not pass on either (LambdaBadRequest).
    """
    encoded = bool(body) and is_binary(dict(asked.headers))
    return {
        "requestContext": {"elb": {"targetGroupArn": target_group_arn}},
        "httpMethod": asked.method,
        "path": asked.path,
        **_named("queryStringParameters", asked.query, multi_value),
        **_named("headers", asked.headers, multi_value),
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def health_check_event(target_group_arn: str, path: str, *, multi_value: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#enable-health-checks-lambda"""
    agent = (("user-agent", "ELB-HealthChecker/2.0"),)
    return event_of(LoadBalancerRequest("GET", "", path, (), agent, ""), b"", target_group_arn, multi_value=multi_value)


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether a body is sent in Base64: whatever is compressed, and every type but text, JSON, JavaScript and XML."""
    if "content-encoding" in headers:
        return True
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return not (media_type.startswith("text/") or media_type in _TEXT)


def _named(name: str, pairs: Pairs, multi_value: bool) -> dict[str, Any]:
    if not multi_value:
        return {name: dict(pairs)}
    return {f"multiValue{name[0].upper()}{name[1:]}": _gathered(pairs)}


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
