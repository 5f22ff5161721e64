"""The service `elbv2`: moto keeps the declarations; checks and members that moto does not have are here.

What would have no effect is refused with a reason: a target that is no function, an action that authenticates.
"""

import logging
import random
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider

from harness.emulator.load_balancing import attributes, networks, targets
from harness.emulator.load_balancing.actions import is_loop
from harness.emulator.load_balancing.errors import LoadBalancingError
from harness.emulator.moto.services import Handler, moto_service

LOG = logging.getLogger(__name__)
Request = dict[str, Any]
Check = Callable[[Any, Request], None]
"""Raises where a request is not as AWS takes it, or asks for what is not served. `(moto's backend, the request)`."""

DOMAIN = "elb.localhost"
"""Where AWS has `elb.amazonaws.com`. Names below `localhost` are this machine's
(https://www.rfc-editor.org/rfc/rfc6761#section-6.3), so none of them leads anywhere else."""
_NAME = re.compile(r"(?!internal-)(?!-)(?!.*-$)[A-Za-z0-9-]{1,32}")
_SERVED_ACTIONS = ("forward", "fixed-response", "redirect")
_HOSTED_ZONES = {"us-east-1": "Z35SXDOTRQ7X7K", "eu-central-1": "Z215JYRZR1TBD5", "eu-west-1": "Z32O12XQLNTSW2"}


def _not_served(what: str, instead: str) -> LoadBalancingError:
    return LoadBalancingError("ValidationError", f"{what} here. {instead}")


# ── load balancers ──────────────────────────────────────────────────────────────────────────────────────────────────


def _check_load_balancer(backend: Any, request: Request) -> None:
    name = request["Name"]
    if request.get("Type", "application") != "application":
        raise _not_served(
            f"A load balancer of type '{request['Type']}' is not served", "Its type can be 'application'."
        )
    if not _NAME.fullmatch(name):
        raise LoadBalancingError(
            "ValidationError",
            f"The load balancer name '{name}' can have up to 32 letters, digits and hyphens, cannot begin or end with a "
            "hyphen, and cannot begin with 'internal-'",
        )
    if any(balancer.name == name for balancer in backend.load_balancers.values()):
        raise LoadBalancingError("DuplicateLoadBalancerName", f"A load balancer with the name '{name}' exists already")
    for option in ("CustomerOwnedIpv4Pool", "EnablePrefixForIpv6SourceNat", "IpamPools"):
        if request.get(option):
            raise _not_served(f"{option} of a load balancer is not served", "Leave it out.")
    networks.check(backend.ec2_backend, request)


def _create_load_balancer(context: RequestContext, request: Request) -> Any:
    backend = _backend(context)
    _check_load_balancer(backend, request)
    answer = call_moto(context)
    made = backend.load_balancers[answer["LoadBalancers"][0]["LoadBalancerArn"]]
    scheme = made.scheme = request.get("Scheme") or "internet-facing"
    prefix = "internal-" if scheme == "internal" else ""
    made.dns_name = f"{prefix}{made.name}-{random.randrange(10**8, 10**10)}.{context.region}.{DOMAIN}"
    made.state = "active"
    made.canonical_hosted_zone_id = _HOSTED_ZONES.get(context.region, made.canonical_hosted_zone_id)
    made.attrs = dict(attributes.LOAD_BALANCER)
    if not made.security_groups:
        made.security_groups = networks.default_groups(backend.ec2_backend, made.vpc_id)
    answer["LoadBalancers"][0] |= {
        "DNSName": made.dns_name,
        "CanonicalHostedZoneId": made.canonical_hosted_zone_id,
        "SecurityGroups": made.security_groups,
        "Scheme": scheme,
        # It answers at once; AWS takes minutes to provision one.
        "State": {"Code": "active"},
    }
    return answer


def _check_load_balancer_attributes(_backend: Any, request: Request) -> None:
    _check_attributes("Load balancer", attributes.LOAD_BALANCER, request)


def _check_attributes(what: str, known: Mapping[str, str], request: Request) -> None:
    given = {each["Key"]: each.get("Value", "") for each in request["Attributes"]}
    if wrong := attributes.problem(known, given):
        raise LoadBalancingError("ValidationError", f"{what} {wrong}")


def _check_deletion(backend: Any, request: Request) -> None:
    balancer = backend.load_balancers.get(request["LoadBalancerArn"])
    if balancer is not None and balancer.attrs["deletion_protection.enabled"] == "true":
        raise LoadBalancingError(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
        )


def _check_subnets(backend: Any, request: Request) -> None:
    networks.check(
        backend.ec2_backend, {"Scheme": backend.load_balancers[request["LoadBalancerArn"]].scheme, **request}
    )


# ── listeners and rules ─────────────────────────────────────────────────────────────────────────────────────────────


def _check_listener(backend: Any, request: Request) -> None:
    protocol, port = request.get("Protocol"), request.get("Port")
    if (request.get("MutualAuthentication") or {}).get("Mode", "off") != "off":
        raise _not_served(
            "MutualAuthentication of a listener is not served", "Leave it out, or give it the Mode 'off'."
        )
    if protocol == "HTTPS" and not request.get("Certificates"):
        raise LoadBalancingError("ValidationError", "A certificate must be specified for HTTPS listeners")
    balancer = backend.load_balancers.get(request.get("LoadBalancerArn"))
    if balancer is not None and any(int(each.port) == int(port or 0) for each in balancer.listeners.values()):
        raise LoadBalancingError("DuplicateListener", "A listener already exists on this port for this load balancer")
    if protocol == "HTTPS":
        LOG.warning("The HTTPS listener of %s is served without TLS here", request.get("LoadBalancerArn"))
    _check_actions(request.get("DefaultActions") or ())


def _check_modified_listener(_backend: Any, request: Request) -> None:
    _check_listener(_backend, {**request, "Protocol": None} if not request.get("Certificates") else request)


def _check_rule(_backend: Any, request: Request) -> None:
    if request.get("Transforms"):
        raise _not_served("Transforms of a listener's rule are not served", "Leave them out.")
    _check_actions(request.get("Actions") or ())
    for condition in request.get("Conditions") or ():
        if any("RegexValues" in each for each in (condition, *condition.values()) if isinstance(each, Mapping)):
            raise _not_served("RegexValues of a rule's condition are not served", "Use Values, with * and ?.")


def _check_actions(actions: Iterable[Mapping[str, Any]]) -> None:
    for action in actions:
        kind = action["Type"]
        if kind not in _SERVED_ACTIONS:
            raise _not_served(
                f"The action '{kind}' is not served",
                f"Known are {', '.join(_SERVED_ACTIONS)}; let the function or an API Gateway authorizer authenticate.",
            )
        stickiness = (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
        if stickiness.get("Enabled"):
            raise _not_served("Stickiness among target groups is not served", "Leave TargetGroupStickinessConfig out.")
        if kind == "redirect" and is_loop(action.get("RedirectConfig") or {}):
            raise LoadBalancingError(
                "InvalidLoadBalancerAction",
                "The redirect configuration is not valid because it creates a loop",
            )


# ── target groups ───────────────────────────────────────────────────────────────────────────────────────────────────


def _check_target_group(_backend: Any, request: Request) -> None:
    kind = request.get("TargetType", "instance")
    if kind != "lambda":
        raise _not_served(f"A target group of type '{kind}' is not served", "Its TargetType can be 'lambda'.")


def _create_target_group(context: RequestContext, request: Request) -> Any:
    backend = _backend(context)
    _check_target_group(backend, request)
    answer = call_moto(context)
    [described] = answer["TargetGroups"]
    made = backend.target_groups[described["TargetGroupArn"]]
    made.attributes = dict(attributes.TARGET_GROUP)
    # moto 5 takes what it was given for text, which it is not.
    enabled = bool(request.get("HealthCheckEnabled", False))
    made.health_check_enabled = described["HealthCheckEnabled"] = enabled
    return answer


def _check_target_group_attributes(_backend: Any, request: Request) -> None:
    _check_attributes("Target group", attributes.TARGET_GROUP, request)


def _modify_target_group_attributes(context: RequestContext, request: Request) -> Any:
    _check_target_group_attributes(None, request)
    call_moto(context)
    group = _backend(context).target_groups[request["TargetGroupArn"]]
    return {"Attributes": [{"Key": name, "Value": value} for name, value in group.attributes.items()]}


def _modify_target_group(context: RequestContext, request: Request) -> Any:
    answer = call_moto(context)
    if "Matcher" in request:
        # moto changes that of targets with a protocol alone.
        group = _backend(context).target_groups[request["TargetGroupArn"]]
        group.matcher = answer["TargetGroups"][0]["Matcher"] = request["Matcher"]
    return answer


def _check_targets(backend: Any, request: Request) -> None:
    group = backend.target_groups.get(request["TargetGroupArn"])
    if group is not None:
        targets.check(group, request["Targets"])


def _describe_target_health(context: RequestContext, request: Request) -> Any:
    group = _backend(context).target_groups.get(request["TargetGroupArn"])
    if group is None:
        return call_moto(context)
    return {"TargetHealthDescriptions": targets.health(group, [each["Id"] for each in request.get("Targets") or ()])}


# ── the service ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _backend(context: RequestContext) -> Any:
    from moto.elbv2.models import elbv2_backends

    return elbv2_backends[context.account_id][context.region]


def _checked(*checks: Check) -> Handler:
    def handle(context: RequestContext, request: Request) -> Any:
        for check in checks:
            check(_backend(context), request)
        return call_moto(context)

    return handle


def _in_aws_words(handler: Handler) -> Handler:
    def handle(context: RequestContext, request: Request) -> Any:
        try:
            return handler(context, request)
        except LoadBalancingError as error:
            raise CommonServiceException(error.code, error.message, status_code=400, sender_fault=True) from error

    return handle


def operations() -> Mapping[str, Handler]:
    """Our operations of `elbv2`; the rest is moto's."""
    ours: dict[str, Handler] = {
        "CreateLoadBalancer": _create_load_balancer,
        "CreateListener": _checked(_check_listener),
        "CreateRule": _checked(_check_rule),
        "CreateTargetGroup": _create_target_group,
        "DeleteLoadBalancer": _checked(_check_deletion),
        "DescribeTargetHealth": _describe_target_health,
        "ModifyListener": _checked(_check_modified_listener),
        "ModifyLoadBalancerAttributes": _checked(_check_load_balancer_attributes),
        "ModifyRule": _checked(_check_rule),
        "ModifyTargetGroup": _modify_target_group,
        "ModifyTargetGroupAttributes": _modify_target_group_attributes,
        "RegisterTargets": _checked(_check_targets),
        "SetSubnets": _checked(_check_subnets),
    }
    return {name: _in_aws_words(handler) for name, handler in ours.items()}


@aws_provider(api="elbv2")
def elbv2() -> Service:
    return moto_service("elbv2", operations())
