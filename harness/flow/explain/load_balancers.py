"""Requests that a load balancer answered in place of its target, because it had no valid response to forward.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html. A function that raised,
had no concurrency left or is not permitted is reported by other modules.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind

SERVICE = "elbv2"
_WANTS = {
    "host-header": "the host",
    "http-request-method": "the method",
    "path-pattern": "the path",
    "query-string": "the query",
    "source-ip": "the address",
}


def find(evidence: Evidence) -> Iterator[Finding]:
    for request in evidence.of(Kind.REQUEST, SERVICE):
        problem = request.data.get("error") or request.data.get("remark")
        if isinstance(problem, Mapping):
            yield from _of_problem(evidence, request, str(problem["code"]), str(problem["message"]))
        elif not request.goes_on and int(request.data["status"]) >= 400:
            yield from _of_default_action(evidence, request)


def _of_problem(evidence: Evidence, request: Activity, code: str, message: str) -> Iterator[Finding]:
    balancer = request.begin.resource
    named = evidence.called("load balancer", balancer)
    invocation = next((a for a in evidence.caused_by(request) if a.kind is Kind.INVOCATION), None)
    function = invocation.begin.resource if invocation else ""
    returned = f"what function {evidence.named(function)} returned"
    shown = (request, *([invocation] if invocation else []))

    def finding(cause: str, sentence: str, resource: str, *path: str, lost: bool = True) -> Finding:
        return evidence.finding(cause, sentence, resource, evidence.place(resource, *path), *shown, lost=lost)

    match code:
        case "LambdaInvalidResponse":
            yield finding("malformed-response", f"{returned} is no answer for {named}: {message}.", function)
        case "LambdaResponseTooLarge":
            yield finding("too-large", f"{returned} is too large for {named}: {message}.", function)
        case "LambdaRequestTooLarge":
            yield finding("too-large", f"what was sent to {named} is too large for its function: {message}.", balancer)
        case "LambdaBadRequest":
            yield finding("not-text", f"{named} did not forward what was sent to it: {message}.", balancer)
        case "IdleTimeout":
            yield finding("idle-timeout", f"{named} gave up waiting: {message}.", balancer, "LoadBalancerAttributes")
        case "IgnoredHeaders":
            group = _target_group(evidence, request)
            sentence = f"{named} left headers out of {returned}: {message}."
            yield finding("headers-ignored", sentence, group, "TargetGroupAttributes", lost=False)
        case "NoTarget":
            group = next((word.rstrip(",") for word in message.split() if ":targetgroup/" in word), balancer)
            sentence = f"{named} has no target for a request: {message.replace(group, evidence.named(group))}."
            yield finding("no-target", sentence, group)
        case "NoListener":
            yield finding("no-listener", f"{named} does not listen: {message}.", balancer)
        case "SecurityGroup":
            sentence = f"{named} answers no request, on AWS not even with an error: {message}."
            yield finding("security-group-closed", sentence, balancer, "SecurityGroups")


def _target_group(evidence: Evidence, request: Activity) -> str:
    """The target group of the event that the function received."""
    for activity in evidence.caused_by(request):
        event = activity.data.get("event")
        if activity.kind is Kind.INVOCATION and isinstance(event, Mapping):
            return str(event["requestContext"]["elb"]["targetGroupArn"])
    return request.begin.resource


def _of_default_action(evidence: Evidence, request: Activity) -> Iterator[Finding]:
    """A listener's default response is an error if none of its rules took the request."""
    decision = next((a for a in evidence.caused_by(request) if _is_of_no_rule(a)), None)
    if decision is None:
        return
    asked: Mapping[str, Any] = decision.data["event"]
    refused = decision.data["refused"]
    # A rule with this path is the intended one.
    nearest = next((each for each in refused if each["field"] != "path-pattern"), refused[0])
    wanted = " or ".join(nearest["wanted"])
    field = _WANTS.get(nearest["field"], nearest["field"].replace("http-header", "the header"))
    found = f", and it is {' and '.join(nearest['found'])}" if nearest["found"] else ", and there is none"
    sentence = (
        f"no rule of {evidence.called('listener', decision.begin.resource)} takes {asked['method']} {asked['path']}, so the "
        f"answer is {request.data['status']}: rule {evidence.named(nearest['rule'])} wants {field} to be {wanted}{found}."
    )
    place = evidence.place(nearest["rule"], "Conditions")
    yield evidence.finding("no-rule-matched", sentence, nearest["rule"], place, decision, request)


def _is_of_no_rule(activity: Activity) -> bool:
    return (
        activity.kind is Kind.DECISION
        and activity.begin.service == SERVICE
        and activity.data["rule"] == "default"
        and activity.data["action"] == "fixed-response"
        and bool(activity.data["refused"])
    )
