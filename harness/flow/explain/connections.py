"""WebSocket connections that were refused, messages that no route took, and pushes to clients that have disconnected
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html).

A function that fails on a message is reported by `functions`; this module reports what the API itself did not do.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from harness.flow.explain.deliveries import FailedDelivery, denial_below, refused_by_target
from harness.flow.explain.evidence import Evidence, as_json
from harness.flow.explain.failures import failed_invocation
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.flow.labels import api_of
from harness.journal.records import Kind
from harness.topology import Edge
from harness.topology.edges import RouteCondition

GATEWAY = "apigatewayv2"
_MANAGEMENT = "apigatewaymanagementapi"
_PRINCIPAL = "apigateway.amazonaws.com"
_SELECTED = re.compile(r"\$(?:\{request\.body\.([\w.]+)\}|request\.body\.([\w.]+))")
_OPEN = 101
_WHO_CLOSED = {
    "client": "its client closed it",
    "DeleteConnection": "DeleteConnection closed it",
    "idle": "the API closed it, as nothing was said on it for ten minutes",
    "lifetime": "the API closed it after two hours, as it closes every connection",
    "limit": "the API closed it, as a message on it was not to be taken",
    "deleted": "its API or stage was deleted",
    "reset": "the engine was emptied",
}


def find(evidence: Evidence) -> Iterator[Finding]:
    for request in evidence.of(Kind.REQUEST, GATEWAY, "CONNECT"):
        if not request.goes_on and request.data.get("status") != _OPEN:
            yield _refused(evidence, request)
    for frame in evidence.of(Kind.FRAME, GATEWAY):
        if frame.data.get("direction") == "in" and not frame.goes_on:
            yield from _not_served(evidence, frame)
    for end in evidence.of(Kind.CONNECTION, GATEWAY):
        yield from _ended(evidence, end)
    for call in evidence.of(Kind.CALL, _MANAGEMENT):
        if isinstance(call.error, Mapping) and call.error.get("code") == "GoneException":
            yield from _gone(evidence, call)


# ── a client that is refused ────────────────────────────────────────────────────────────────────────────────────────


def _refused(evidence: Evidence, request: Activity) -> Finding:
    api, status = api_of(request), request.data.get("status")
    what = f"The connection to API {evidence.named(api)} was refused with {status}"
    below = evidence.caused_by(request)
    decision = next((one for one in below if one.kind is Kind.DECISION and one.begin.service == GATEWAY), None)
    failed = next((one for one in below if one.kind is Kind.INVOCATION and one.error), None)
    if decision is not None and not decision.data.get("passed"):
        return _by_authorizer(evidence, request, decision, failed, what)
    route = _route(evidence, api, "$connect")
    if (denied := _not_permitted(evidence, request, route)) is not None:
        return denied
    if failed is not None:
        failure = failed_invocation(evidence, failed)
        return evidence.finding(failure.cause, f"{what}: {failure.clause}.", failure.function, failure.place, failed)
    function = next((one.begin.resource for one in below if one.kind is Kind.INVOCATION), "")
    why = f"function {evidence.named(function)} of $connect answered that" if function else _message(request)
    place = evidence.place(function) if function else _place(evidence, api, route)
    return evidence.finding("connection-refused", f"{what}: {why}.", function or api, place, request)


def _by_authorizer(
    evidence: Evidence, request: Activity, decision: Activity, failed: Activity | None, what: str
) -> Finding:
    """The authorizer of `$connect` refused, could not be called, or was not called because the request has no identity source
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html)."""
    rule = str(decision.data.get("rule"))
    named = f"authorizer {evidence.named(rule)}"
    asked = [one for one in evidence.caused_by(request) if one.kind is Kind.INVOCATION]
    place = evidence.place(rule)
    if failed is not None and decision.data.get("reason") != "UnauthorizedException":
        failure = failed_invocation(evidence, failed)
        why = f"{what}: its {named} failed, as {failure.clause}."
        return evidence.finding("authorizer-failed", why, failure.function, failure.place, failed, request)
    if (denied := _not_permitted(evidence, request, None, place)) is not None:
        return denied
    if not asked:
        missing = _missing(evidence, rule, request)
        why = f"it has no {missing}, which its {named} asks for" if missing else f"its {named} was not asked"
        at = evidence.place(rule, "IdentitySource")
        return evidence.finding("identity-source-missing", f"{what}: {why}.", rule, at, decision, request)
    function = asked[-1].begin.resource
    if decision.data.get("reason") == "AccessDeniedException":
        said = f"the policy that function {evidence.named(function)} answered does not allow it"
    elif failed is not None:
        said = f"function {evidence.named(function)} raised Unauthorized"
    else:
        said = f"function {evidence.named(function)} did not answer what an authorizer answers"
    return evidence.finding(
        "connection-not-authorized", f"{what} by its {named}: {said}.", rule, place, decision, request
    )


def _missing(evidence: Evidence, authorizer: str, request: Activity) -> str:
    """The first identity source of the authorizer that the request does not have."""
    sources = evidence.property(evidence.node_id(authorizer), "IdentitySource")
    query = request.begin.data.get("query") or {}
    headers = {str(name).lower() for name in request.begin.data.get("headers") or {}}
    for source in sources if isinstance(sources, list) else ():
        kind, _, name = str(source).rpartition(".")
        if kind == "route.request.querystring" and not query.get(name):
            return f"?{name}="
        if kind == "route.request.header" and name.lower() not in headers:
            return f"header {name}"
    return ""


# ── a message without a route ───────────────────────────────────────────────────────────────────────────────────────


def _not_served(evidence: Evidence, frame: Activity) -> Iterator[Finding]:
    api, key = api_of(frame), frame.data.get("route")
    if key is None:
        expression = str(evidence.property(evidence.node_id(api), "RouteSelectionExpression") or "")
        selected = _selected(expression, frame)
        sentence = f"No route of API {evidence.named(api)} takes the message{selected}, and it has no $default."
        place = evidence.place(api, "RouteSelectionExpression")
        yield evidence.finding("route-not-found", sentence, api, place, frame)
    elif frame.error:
        denied = _not_permitted(evidence, frame, _route(evidence, api, str(key)))
        if denied is not None:
            yield denied


def _selected(expression: str, frame: Activity) -> str:
    """The route selection expression, and the value that a message has for it."""
    match = _SELECTED.fullmatch(expression)
    body = as_json(frame.data.get("body"))
    if isinstance(body, str):
        return ", which is not JSON"
    for name in (match[1] or match[2]).split(".") if match else ():
        body = body.get(name) if isinstance(body, dict) else None
    if match is None:
        return ""
    return f", which has no {match[1] or match[2]}" if body is None else f", whose {match[1] or match[2]} is {body!r}"


def _not_permitted(
    evidence: Evidence, activity: Activity, route: Edge | None, place: Place | None = None
) -> Finding | None:
    """That the function has no permission for API Gateway to invoke it; None if it has one
    (https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions)."""
    denial = denial_below(evidence, activity)
    if denial is None:
        return None
    api = api_of(activity)
    delivery = FailedDelivery(
        activity=activity,
        who=f"API {evidence.named(api)}",
        principal=_PRINCIPAL,
        source=str(denial.data.get("source") or api),
        target=denial.begin.resource,
        error=activity.error if isinstance(activity.error, Mapping) else {},
        place=place or (evidence.edge_place(route) if route is not None else evidence.place(api)),
    )
    return refused_by_target(evidence, delivery)


# ── a connection that ends, and what is sent to it later ────────────────────────────────────────────────────────────


def _ended(evidence: Evidence, end: Activity) -> Iterator[Finding]:
    """That the API closed it because of a message that it does not accept
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html)."""
    if end.data.get("by") != "limit":
        return
    api, said = api_of(end), str(end.data.get("reason") or "").rstrip(".")
    sentence = (
        f"API {evidence.named(api)} closed the connection {end.data.get('connection')} with {end.data.get('code')}"
        f"{f', {said}' if said else ''}: it takes no frame larger than 32 KB, no message larger than 128 KB and no binary one."
    )
    yield evidence.finding("message-not-taken", sentence, api, evidence.place(api), end)


def _gone(evidence: Evidence, call: Activity) -> Iterator[Finding]:
    """A function that handles a closed connection did what it should. That is reported as a doubt, and only if no other
    connection got the message either."""
    function = evidence.function_of(call)
    invocation = next((one for one in evidence.causes(call) if one.kind is Kind.INVOCATION), None)
    failed = invocation is not None and bool(invocation.error) and not evidence.recovered(invocation)
    if not failed and _reached_somebody(evidence, invocation):
        return
    who = f"Function {evidence.named(function)}" if function else "The test"
    connection = str((call.data.get("request") or {}).get("ConnectionId") or "")
    where = f"connection {connection} of API {evidence.named(api_of(call))}"
    sentence = f"{who} posted to {where}, which is gone{_when(evidence, connection, call)}."
    place = evidence.place_of_caller(call) or evidence.place(api_of(call))
    shown = (call, *([invocation] if invocation is not None and failed else []))
    yield evidence.finding("connection-gone", sentence, function or api_of(call), place, *shown, lost=failed)


def _reached_somebody(evidence: Evidence, invocation: Activity | None) -> bool:
    below = evidence.caused_by(invocation) if invocation is not None else []
    return any(one.kind is Kind.FRAME and one.data.get("direction") == "out" for one in below)


def _when(evidence: Evidence, connection: str, call: Activity) -> str:
    """When a connection ended and why, if that was recorded."""
    ends = [one for one in evidence.history.takers_of(f"closed:{connection}") if one.kind is Kind.CONNECTION]
    if not ends:
        return ""
    end = ends[-1]
    at = datetime.fromtimestamp(end.begin.at, UTC).strftime("%H:%M:%S")
    ago = max(0.0, call.begin.at - end.begin.at)
    why = _WHO_CLOSED.get(str(end.data.get("by")), str(end.data.get("reason") or ""))
    said = f", {end.data.get('code')} {end.data.get('reason') or ''}".rstrip()
    return f": {why} at {at} UTC, {ago:.3g} s before ({said.lstrip(', ')})"


# ── what other explainers use ───────────────────────────────────────────────────────────────────────────────────────


def _route(evidence: Evidence, api: str, key: str) -> Edge | None:
    node = evidence.node_id(api)
    for edge in evidence.topology.leaving(node, "route") if node else ():
        if isinstance(edge.condition, RouteCondition) and edge.condition.path == key:
            return edge
    return None


def _place(evidence: Evidence, api: str, route: Edge | None) -> Place | None:
    return evidence.edge_place(route) if route is not None else evidence.place(api)


def _message(request: Activity) -> str:
    error = request.error if isinstance(request.error, Mapping) else {}
    return str(error.get("message") or "no reason was given").rstrip(".")
