"""Records the requests at the entry points: HTTP requests that are no AWS API calls."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.http.websocket import WebSocketRequest
from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.host.attachments import FRONT_DOOR_REQUEST
from harness.emulator.journal import marks, payloads
from harness.emulator.journal.causes import CAUSE, SEGMENTS
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import inserted
from harness.journal.records import Kind

DOORS = (
    ("apigateway", re.compile(r"^/_aws/execute-api/(?P<id>[^/]+)")),
    ("apigateway", re.compile(r"^/restapis/(?P<id>[^/]+)/[^/]+/_user_request_")),
    ("cognito-idp", re.compile(r"^/_aws/cognito-idp/(?P<id>[^/]+)")),
    ("elbv2", re.compile(r"^/_aws/elb/(?P<id>[^/:]+)")),
    ("lambda", re.compile(r"^/_aws/lambda-url/(?P<id>[^/]+)")),
)
"""The service behind a path, and what of the path names the resource."""
DOOR_HOSTS = (
    ("apigateway", re.compile(r"^(?P<id>[^.]+)\.execute-api\.")),
    ("lambda", re.compile(r"^(?P<id>[^.]+)\.lambda-url\.")),
    ("elbv2", re.compile(r"^(?P<id>[^.]+)\.[a-z0-9-]+\.elb\.localhost")),
    # A bucket's website.
    ("s3", re.compile(r"^(?P<id>.+)\.s3-website[.-]")),
)

Named = Callable[[str], str]
More = Callable[[RequestContext], dict[str, Any]]
_DESCRIBED: dict[str, tuple[Named, More]] = {}


def describe(service: str, resource_of: Named, more_of: More) -> None:
    """How a service's entry point names the resource behind an id, and what the end of a request has besides its response."""
    _DESCRIBED[service] = (resource_of, more_of)


def door(host: str, path: str) -> tuple[str, str] | None:
    """The service of an entry point and the id or ARN of the requested resource; None for every other request."""
    for service, pattern in DOORS:
        if found := pattern.match(path):
            return service, _resource(service, found["id"])
    for service, pattern in DOOR_HOSTS:
        if found := pattern.match(host):
            return service, _resource(service, found["id"])
    return None


def _resource(service: str, named: str) -> str:
    return _DESCRIBED[service][0](named) if service in _DESCRIBED else named


def begin(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    request = context.request
    at = door(request.host, request.path) if JOURNAL.enabled else None
    if at is None:
        return
    # The trace header is read only for AWS calls, later in the chain.
    header = TraceHeader.from_header_str(request.headers.get("X-Amzn-Trace-Id")).ensure_root_exists()
    caused_by = SEGMENTS.get(header.parent)
    activity = JOURNAL.begin(
        Kind.REQUEST,
        service=at[0],
        name=request.method,
        resource=at[1],
        cause=caused_by,
        trace=header.root or "",
        takes=_taken(request.headers),
        data={
            "method": request.method,
            "path": request.path,
            "query": request.args.to_dict(),
            "headers": dict(request.headers),
            "body": None if isinstance(request, WebSocketRequest) else payloads.text(request.get_data()),
        },
    )
    FRONT_DOOR_REQUEST[context] = (at[0], activity)
    CAUSE.set(activity)


def _taken(given: Mapping[str, str]) -> tuple[str, ...]:
    """The message of a topic whose subscriber is this door.

    https://docs.aws.amazon.com/sns/latest/dg/http-header.html
    """
    subscription, message = given.get("x-amz-sns-subscription-arn"), given.get("x-amz-sns-message-id")
    return (marks.notification(subscription, message),) if subscription and message else ()


def end(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
    recorded = FRONT_DOOR_REQUEST.get(context)
    if recorded is None:
        return
    service, activity = recorded
    body: Any = {"$stream": "response"} if response.is_streamed else payloads.text(response.get_data())
    data = {"status": response.status_code, "headers": dict(response.headers), "body": body}
    if service in _DESCRIBED:
        data |= _DESCRIBED[service][1](context)
    JOURNAL.end(Kind.REQUEST, activity, service=service, name=context.request.method, data=data)


def install() -> None:
    inserted(handlers, "preprocess_request", begin, because="requests at front doors are recorded")
    inserted(handlers, "run_custom_response_handlers", end, because="requests at front doors are recorded")
