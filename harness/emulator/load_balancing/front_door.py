"""Serves requests at load balancers, on the gateway's port.

A load balancer is known by its DNS name, as the host of a request, or in the path: `/_aws/elb/<first part of the name>/...`,
for clients whose resolver does not know names below localhost. A load balancer with several listeners is asked at port 80,
else at its lowest port; the path can name another: `/_aws/elb/<first part>:8080/...`. HTTPS is served without TLS.
"""

import ipaddress
import re
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.handlers import cors
from localstack.http import Request, Response
from localstack.http.websocket import WebSocketRequest
from rolo.request import get_raw_path
from rolo.serving.twisted import HeaderPreservingWSGIResponse

from harness.emulator import door
from harness.emulator.controls import capabilities
from harness.emulator.host.attachments import PROBLEM
from harness.emulator.journal import requests
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.load_balancing import actions, networks, targets
from harness.emulator.load_balancing.answer import MAX_BYTES, LoadBalancerResponse, Problem, page, phrase
from harness.emulator.load_balancing.event import event_of
from harness.emulator.load_balancing.rules import ListenerRule, LoadBalancerRequest, Pairs, choose
from harness.emulator.patches import inserted, patched
from harness.journal.records import Kind

_PATH = re.compile(r"/_aws/elb/(?P<label>[^/:]+)(?::(?P<port>\d+))?(?P<path>/.*)?", re.DOTALL)
_HOST = re.compile(r"(?P<label>[^.:]+)\.[a-z0-9-]+\.elb\.localhost(?::\d+)?", re.IGNORECASE)
_OURS = re.compile(r"x-(harness|localstack|moto)-|x-amz(n)?-request-?id$")
_VALID_NAME = re.compile(r"[A-Za-z0-9-]+")
_INVOCATIONS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="load-balancer")


@dataclass(frozen=True, slots=True)
class LoadBalancerAddress:
    """Which load balancer a request is for: the first part of its DNS name, the listener's port where the path names one,
    and the path without what is not part of it on AWS."""

    label: str
    port: int | None
    path: str


def door_of(host: str, raw_path: str) -> LoadBalancerAddress | None:
    """None for what is not asked of a load balancer."""
    if found := _PATH.fullmatch(raw_path):
        return LoadBalancerAddress(found["label"], int(found["port"]) if found["port"] else None, found["path"] or "/")
    if found := _HOST.fullmatch(host):
        return LoadBalancerAddress(found["label"].lower(), None, raw_path)
    return None


def serve(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A handler of LocalStack's chain, before anything of it judges or unpacks a request as one to AWS's API."""
    door = door_of(context.request.host, get_raw_path(context.request))
    if door is None:
        return
    # "WebSockets are not supported. Upgrade requests are rejected with an HTTP 400 code."
    is_upgrade = isinstance(context.request, WebSocketRequest)
    answer = page(400) if is_upgrade else _answer(context.request, door)
    PROBLEM[context] = answer.problem
    response.status = f"{answer.status} {answer.reason or phrase(answer.status)}"
    response.headers.clear()
    for name, value in answer.headers:
        response.headers.add(name, value)
    response.set_data(answer.body)
    chain.stop()


def _answer(request: Request, door: LoadBalancerAddress) -> LoadBalancerResponse:
    found = find(door.label)
    if found is None:
        # Its name is known to no DNS.
        message = f"no load balancer has a DNS name that begins with {door.label}"
        return page(404, Problem("NoSuchLoadBalancer", message))
    backend, balancer = found
    listener = _listener(balancer, door.port)
    if listener is None:
        wanted = f"no listener on port {door.port}" if door.port else "no listener"
        return page(503, Problem("NoListener", f"the load balancer {balancer.name} has {wanted}"))
    if not networks.lets_in(backend.ec2_backend, balancer.security_groups, int(listener.port)):
        # On AWS nothing answers, and a client gives up after a while.
        groups = ", ".join(balancer.security_groups)
        message = f"no security group of the load balancer ({groups}) lets anyone in on port {listener.port}"
        return page(504, Problem("SecurityGroup", message))
    body = request.get_data()
    asked = asked_of(request, door, balancer, listener)
    if asked.method == "TRACE":
        return page(405)
    action = _decide(listener, asked)
    match action["Type"]:
        case "fixed-response":
            return actions.fixed_response(action["FixedResponseConfig"])
        case "redirect":
            query = request.query_string.decode("latin-1")
            return actions.redirect(action["RedirectConfig"], asked, query, listener.protocol, int(listener.port))
    return _forward(backend, balancer, action, asked, body)


def find(label: str) -> tuple[Any, Any] | None:
    """The load balancer whose DNS name begins so, after the backend of moto that has it."""
    # It is loaded with the service: before that there is none.
    if (moto := sys.modules.get("moto.elbv2.models")) is None:
        return None
    for _account, _region, backend in list(moto.elbv2_backends.iter_backends()):
        for balancer in list(backend.load_balancers.values()):
            if balancer.dns_name.partition(".")[0].lower() == label.lower():
                return backend, balancer
    return None


def _listener(balancer: Any, port: int | None) -> Any:
    by_port = {int(each.port): each for each in list(balancer.listeners.values())}
    if port is not None:
        return by_port.get(port)
    return by_port.get(80) or by_port.get(min(by_port, default=0))


def asked_of(request: Request, door: LoadBalancerAddress, balancer: Any, listener: Any) -> LoadBalancerRequest:
    """The request as it reaches a target, with what the load balancer adds to it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    attributes = balancer.attrs
    host = _host(request, balancer)
    source_ip = request.remote_addr or "127.0.0.1"
    headers = [(name, value) for name, value in _headers(request) if not _OURS.match(name)]
    if attributes["routing.http.drop_invalid_header_fields.enabled"] == "true":
        headers = [(name, value) for name, value in headers if _VALID_NAME.fullmatch(name)]
    headers = [(name, host if name == "host" else value) for name, value in headers]
    added = dict(_forwarded(dict(headers), attributes, source_ip, request, listener))
    replaced = {*added, "x-forwarded-for"} if _mode(attributes) != "preserve" else set(added)
    kept = tuple((name, value) for name, value in headers if name not in replaced)
    return LoadBalancerRequest(
        request.method, host.partition(":")[0].lower(), door.path, _query(request), (*kept, *added.items()), source_ip
    )


def _mode(attributes: dict[str, str]) -> str:
    return attributes["routing.http.xff_header_processing.mode"]


def _forwarded(
    given: dict[str, str], attributes: dict[str, str], source_ip: str, request: Request, listener: Any
) -> Iterator[tuple[str, str]]:
    yield "x-amzn-trace-id", _trace(given.get("x-amzn-trace-id", ""))
    if _mode(attributes) == "append":
        client = source_ip
        if attributes["routing.http.xff_client_port.enabled"] == "true":
            client = f"{client}:{request.environ.get('REMOTE_PORT', '0')}"
        before = given.get("x-forwarded-for")
        yield "x-forwarded-for", f"{before}, {client}" if before else client
    yield "x-forwarded-port", str(listener.port)
    yield "x-forwarded-proto", str(listener.protocol).lower()


def _trace(given: str) -> str:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html"""
    now = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    fields = [field.strip() for field in given.split(";") if field.strip()]
    kept = [field for field in fields if not field.startswith("Self=")]
    if not any(field.startswith("Root=") for field in kept):
        return ";".join([f"Root={now}", *kept])
    return ";".join([f"Self={now}", *kept])


def _host(request: Request, balancer: Any) -> str:
    """The gateway's own address stands for the load balancer's name, and its port for the listener's."""
    host = str(request.headers.get("host") or balancer.dns_name)
    name = host.partition(":")[0].lower()
    if name == balancer.dns_name.lower() or name == "localhost" or _is_address(host):
        return str(balancer.dns_name)
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.rpartition(":")[0].strip("[]") or host)
    except ValueError:
        return False
    return True


def _headers(request: Request) -> Iterator[tuple[str, str]]:
    """As they came: what LocalStack adds to a request for itself is not among them."""
    raw = request.environ.get("rolo.headers")
    for name, value in raw if raw is not None else request.headers.items():
        name, value = (each.decode("latin-1") if isinstance(each, bytes) else str(each) for each in (name, value))
        yield name.lower(), value


def _query(request: Request) -> Pairs:
    """ "If the query parameters are URL-encoded, the load balancer does not decode them"."""
    parts = (part.partition("=") for part in request.query_string.decode("latin-1").split("&") if part)
    return tuple((key, value) for key, _, value in parts)


def _decide(listener: Any, asked: LoadBalancerRequest) -> Any:
    """The action of the first rule that takes the request, else the listener's default."""
    own = [
        ListenerRule(each.arn, int(each.priority), each.conditions, [action.data for action in each.actions])
        for each in list(listener._non_default_rules.values())
    ]
    rule, refusals = choose(own, asked)
    taken = rule.actions if rule else [action.data for action in listener._default_rule[0].actions]
    action = taken[-1]
    JOURNAL.note(
        Kind.DECISION,
        service="elbv2",
        name=str(rule.priority) if rule else "default",
        resource=listener.arn,
        region=listener.arn.split(":")[3],
        account_id=listener.arn.split(":")[4],
        data={
            "rule": rule.arn if rule else "default",
            "passed": True,
            "action": action["Type"],
            "event": {"method": asked.method, "host": asked.host, "path": asked.path},
            "refused": [
                {"rule": each.rule, "field": each.field, "wanted": each.wanted, "found": each.found}
                for each in refusals
            ],
        },
    )
    return action


def _forward(backend: Any, balancer: Any, action: Any, asked: LoadBalancerRequest, body: bytes) -> LoadBalancerResponse:
    groups = actions.target_groups(action)
    arn = actions.chosen_group(groups)
    group = backend.target_groups.get(arn) if arn else None
    function = targets.target_of(group) if group is not None else None
    if group is None or function is None:
        named = arn or ", ".join(arn for arn, _ in groups)
        what = "has no registered target" if group is not None else "is not there, or has no weight"
        return page(503, Problem("NoTarget", f"the target group {named} {what}"))
    if len(body) > MAX_BYTES:
        message = f"the body has {len(body)} bytes, and a function is sent {MAX_BYTES}"
        return page(413, Problem("LambdaRequestTooLarge", message))
    multi_value = targets.is_multi_value(group)
    try:
        event = event_of(asked, body, group.arn, multi_value=multi_value)
    except UnicodeDecodeError:
        return page(400, Problem("LambdaBadRequest", "the body is text by its type, and not UTF-8"))
    seconds = int(balancer.attrs["idle_timeout.timeout_seconds"])
    invoked = _INVOCATIONS.submit(targets.invoke, function, event, group.arn, multi_value=multi_value)
    try:
        return invoked.result(seconds)
    except NotYet:
        # The function continues, as on AWS.
        message = f"function {function} has not answered within the idle timeout of {seconds} seconds"
        return page(504, Problem("IdleTimeout", message))


def arn_of(label: str) -> str:
    """The ARN of the load balancer that a request names; the name itself if no load balancer has it."""
    found = find(label.partition(":")[0])
    return str(found[1].arn) if found else label


def problem_of(context: RequestContext) -> dict[str, Any]:
    """What the record of a request's end says beyond its answer."""
    problem = PROBLEM.get(context)
    if problem is None:
        return {}
    return {"remark" if problem.is_doubt else "error": {"code": problem.code, "message": problem.message}}


def install() -> None:
    requests.describe("elbv2", arn_of, problem_of)
    # After what records the request.
    inserted(
        handlers,
        "preprocess_request",
        serve,
        because="load balancers answer requests on the port of the gateway",
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html",
    )

    @patched(
        cors.should_enforce_self_managed_service,
        because="a load balancer has no CORS: the function answers what a browser asks",
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html",
    )
    def should_enforce(original: Any, context: RequestContext) -> bool:
        """A load balancer has no CORS settings: the function answers what a browser asks."""
        return door_of(context.request.host, get_raw_path(context.request)) is None and original(context)

    @patched(
        HeaderPreservingWSGIResponse.startResponse,
        because="Twisted writes its name into Server whatever the answer says",
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html",
    )
    def start(original: Any, self: Any, status: str, headers: Any, *rest: Any) -> Any:
        """Twisted puts its own name into `Server`, whatever the answer says."""
        for name, value in headers:
            if name.lower() == "server":
                self.request.responseHeaders.setRawHeaders(b"server", [value.encode("latin-1")])
        return original(self, status, headers, *rest)

    door.serve_site(lambda host: (found := _HOST.fullmatch(host.name)) is not None and find(found["label"]) is not None)
    capabilities.provide("load-balancers")
