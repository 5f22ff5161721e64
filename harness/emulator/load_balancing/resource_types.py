"""The resource types of Application Load Balancers.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

from collections.abc import Callable
from typing import Any

from harness.emulator.cloudformation.parameters import PropertyError
from harness.emulator.cloudformation.provider import plugin_of
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType

_GONE = ("LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound")


def _changed(before: Model | None, after: Model, *names: str) -> bool:
    return any((before or {}).get(name) != after.get(name) for name in names)


def _tag(client: Any, arn: str, before: Model | None, after: Model) -> None:
    """Those of a resource that is there; a new one was given its tags."""
    if before is None or not _changed(before, after, "Tags"):
        return
    old = {tag["Key"] for tag in before.get("Tags") or ()}
    new = {tag["Key"]: tag["Value"] for tag in after.get("Tags") or ()}
    if gone := sorted(old - new.keys()):
        client.remove_tags(ResourceArns=[arn], TagKeys=gone)
    if new:
        client.add_tags(ResourceArns=[arn], Tags=[{"Key": key, "Value": value} for key, value in new.items()])


def _set_attributes(modify: Callable[..., Any], identity: Model, before: Model | None, after: Model, name: str) -> None:
    old, new = (
        {each["Key"]: _text(each.get("Value", "")) for each in (state or {}).get(name) or ()}
        for state in (before, after)
    )
    if new and new != old:
        modify(**identity, Attributes=[{"Key": key, "Value": value} for key, value in new.items()])
    if gone := sorted(old.keys() - new.keys()):
        raise PropertyError(f"{name}: {', '.join(gone)} cannot be taken out here; give the default of it instead.")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _finish_load_balancer(client: Any, before: Model | None, after: Model) -> None:
    identity = {"LoadBalancerArn": after["LoadBalancerArn"]}
    if before is not None:
        if _changed(before, after, "Subnets", "SubnetMappings"):
            given = {name: after[name] for name in ("Subnets", "SubnetMappings") if after.get(name)}
            client.set_subnets(**identity, **given)
        if _changed(before, after, "SecurityGroups") and after.get("SecurityGroups"):
            client.set_security_groups(**identity, SecurityGroups=after["SecurityGroups"])
        if _changed(before, after, "IpAddressType"):
            client.set_ip_address_type(**identity, IpAddressType=after.get("IpAddressType", "ipv4"))
    _tag(client, identity["LoadBalancerArn"], before, after)
    _set_attributes(
        client.modify_load_balancer_attributes,
        identity,
        before,
        after,
        "LoadBalancerAttributes",
    )
    if not after.get("SecurityGroups"):
        [described] = client.describe_load_balancers(LoadBalancerArns=[identity["LoadBalancerArn"]])["LoadBalancers"]
        after["SecurityGroups"] = described["SecurityGroups"]


def _finish_target_group(client: Any, before: Model | None, after: Model) -> None:
    identity = {"TargetGroupArn": after["TargetGroupArn"]}
    _tag(client, identity["TargetGroupArn"], before, after)
    _set_attributes(
        client.modify_target_group_attributes,
        identity,
        before,
        after,
        "TargetGroupAttributes",
    )
    old, new = ({each["Id"]: each for each in (state or {}).get("Targets") or ()} for state in (before, after))
    if gone := [each for key, each in old.items() if key not in new]:
        client.deregister_targets(**identity, Targets=gone)
    if added := [each for key, each in new.items() if key not in old]:
        client.register_targets(**identity, Targets=added)


def _finish_listener(client: Any, before: Model | None, after: Model) -> None:
    _tag(client, after["ListenerArn"], before, after)


def _finish_rule(client: Any, before: Model | None, after: Model) -> None:
    _tag(client, after["RuleArn"], before, after)
    if before is not None and _changed(before, after, "Priority"):
        moved = {"RuleArn": after["RuleArn"], "Priority": int(after["Priority"])}
        client.set_rule_priorities(RulePriorities=[moved])


def _full_name(of: str, kind: str) -> Callable[[Model, str, str], Model]:
    """What metrics know it by: the end of its ARN."""

    def complete(model: Model, _account_id: str, _region: str) -> Model:
        return {**model, f"{kind}FullName": model[of].rpartition(":")[2].removeprefix("loadbalancer/")}

    return complete


def _without(*names: str) -> Callable[[Model], Model]:
    """Properties of the type that have no parameter in the API, and no effect here."""

    def reshape(model: Model) -> Model:
        if given := sorted(name for name in names if name in model):
            raise PropertyError(f"{', '.join(given)}: not served here; leave it out.")
        return model

    return reshape


LOAD_BALANCER = ResourceType(
    name="AWS::ElasticLoadBalancingV2::LoadBalancer",
    service="elbv2",
    create=ResourceOperation("CreateLoadBalancer"),
    delete=ResourceOperation("DeleteLoadBalancer", {"LoadBalancerArn": "LoadBalancerArn"}),
    ref="LoadBalancerArn",
    attributes={
        "LoadBalancerArn": "LoadBalancers[0].LoadBalancerArn",
        "LoadBalancerName": "LoadBalancers[0].LoadBalancerName",
        "DNSName": "LoadBalancers[0].DNSName",
        "CanonicalHostedZoneID": "LoadBalancers[0].CanonicalHostedZoneId",
    },
    completed=frozenset({"LoadBalancerFullName"}),
    complete=_full_name("LoadBalancerArn", "LoadBalancer"),
    generated_name="Name",
    short_name=True,
    replaced_by=frozenset({"Name", "Scheme", "Type"}),
    extra=frozenset({"LoadBalancerAttributes"}),
    finish_updates=frozenset({"IpAddressType", "SecurityGroups", "SubnetMappings", "Subnets", "Tags"}),
    finish=_finish_load_balancer,
    reshape=_without(
        "EnableCapacityReservationProvisionStabilize",
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
        "Ipv4IpamPoolId",
        "MinimumLoadBalancerCapacity",
    ),
    gone=_GONE,
)

TARGET_GROUP = ResourceType(
    name="AWS::ElasticLoadBalancingV2::TargetGroup",
    service="elbv2",
    create=ResourceOperation("CreateTargetGroup"),
    update=ResourceOperation("ModifyTargetGroup", {"TargetGroupArn": "TargetGroupArn"}),
    delete=ResourceOperation("DeleteTargetGroup", {"TargetGroupArn": "TargetGroupArn"}),
    ref="TargetGroupArn",
    attributes={
        "TargetGroupArn": "TargetGroups[0].TargetGroupArn",
        "TargetGroupName": "TargetGroups[0].TargetGroupName",
    },
    completed=frozenset({"TargetGroupFullName"}),
    complete=_full_name("TargetGroupArn", "TargetGroup"),
    generated_name="Name",
    short_name=True,
    replaced_by=frozenset({"IpAddressType", "Name", "Port", "Protocol", "ProtocolVersion", "TargetType", "VpcId"}),
    extra=frozenset({"TargetGroupAttributes", "Targets"}),
    finish_updates=frozenset({"Tags"}),
    finish=_finish_target_group,
    gone=_GONE,
)

LISTENER = ResourceType(
    name="AWS::ElasticLoadBalancingV2::Listener",
    service="elbv2",
    create=ResourceOperation("CreateListener"),
    update=ResourceOperation("ModifyListener", {"ListenerArn": "ListenerArn"}),
    delete=ResourceOperation("DeleteListener", {"ListenerArn": "ListenerArn"}),
    ref="ListenerArn",
    attributes={"ListenerArn": "Listeners[0].ListenerArn"},
    replaced_by=frozenset({"LoadBalancerArn"}),
    finish_updates=frozenset({"Tags"}),
    finish=_finish_listener,
    reshape=_without("ListenerAttributes"),
    gone=_GONE,
)

LISTENER_RULE = ResourceType(
    name="AWS::ElasticLoadBalancingV2::ListenerRule",
    service="elbv2",
    create=ResourceOperation("CreateRule"),
    update=ResourceOperation("ModifyRule", {"RuleArn": "RuleArn"}),
    delete=ResourceOperation("DeleteRule", {"RuleArn": "RuleArn"}),
    ref="RuleArn",
    attributes={"RuleArn": "Rules[0].RuleArn", "IsDefault": "Rules[0].IsDefault"},
    replaced_by=frozenset({"ListenerArn"}),
    finish_updates=frozenset({"Priority", "Tags"}),
    finish=_finish_rule,
    gone=_GONE,
)

listener = plugin_of(LISTENER)
listener_rule = plugin_of(LISTENER_RULE)
load_balancer = plugin_of(LOAD_BALANCER)
target_group = plugin_of(TARGET_GROUP)
