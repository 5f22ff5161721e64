"""What a load balancer needs of its network, checked against moto's EC2: subnets, security groups, an internet gateway.

Nothing of it carries traffic here. It is checked because a stack without it cannot be deployed to AWS, or answers no client.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.emulator.load_balancing.errors import LoadBalancingError


def check(ec2: Any, request: Mapping[str, Any]) -> None:
    """Raises LoadBalancingError where a load balancer with these `Subnets`, `SecurityGroups` and `Scheme` cannot be."""
    ids = [*(request.get("Subnets") or ()), *(each["SubnetId"] for each in request.get("SubnetMappings") or ())]
    subnets = [_subnet(ec2, subnet_id) for subnet_id in ids]
    zones = {subnet.availability_zone for subnet in subnets}
    if len(zones) < 2:
        raise LoadBalancingError(
            "ValidationError", "At least two subnets in two different Availability Zones must be specified"
        )
    if len(zones) < len(subnets):
        raise LoadBalancingError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    vpcs = sorted({subnet.vpc_id for subnet in subnets})
    if len(vpcs) > 1:
        raise LoadBalancingError("InvalidConfigurationRequest", f"The subnets are of several VPCs: {', '.join(vpcs)}")
    if (request.get("Scheme") or "internet-facing") == "internet-facing" and not _has_gateway(ec2, vpcs[0]):
        raise LoadBalancingError("InvalidSubnet", f"VPC {vpcs[0]} has no internet gateway")
    for group_id in request.get("SecurityGroups") or ():
        group = ec2.get_security_group_from_id(group_id)
        if group is None or group.vpc_id != vpcs[0]:
            raise LoadBalancingError("InvalidSecurityGroup", f"One or more security groups are invalid: {group_id}")


def default_groups(ec2: Any, vpc_id: str) -> list[str]:
    """The security group that a load balancer has when none is given."""
    group = ec2.get_security_group_from_name("default", vpc_id)
    return [group.id] if group is not None else []


def lets_in(ec2: Any, security_groups: Sequence[str], port: int) -> bool:
    """Whether one of the groups allows a port, from any source: the client's network is not known here."""
    groups = [ec2.get_security_group_from_id(each) for each in security_groups]
    return any(_is_open(rule, port) for group in groups if group is not None for rule in group.ingress_rules)


def _is_open(rule: Any, port: int) -> bool:
    if rule.ip_protocol == "-1":
        # That of the default group is for its own members alone.
        return bool(rule.ip_range or rule.prefix_list_id)
    return rule.ip_protocol in ("tcp", "6") and int(rule.from_port) <= port <= int(rule.to_port)


def _subnet(ec2: Any, subnet_id: str) -> Any:
    for zone in ec2.subnets.values():
        if subnet_id in zone:
            return zone[subnet_id]
    raise LoadBalancingError("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist")


def _has_gateway(ec2: Any, vpc_id: str) -> bool:
    """The default VPC has one on AWS (https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html); moto makes none."""
    vpc = ec2.vpcs.get(vpc_id)
    is_default = vpc is not None and str(vpc.is_default).lower() == "true"
    return is_default or any(
        gateway.vpc is not None and gateway.vpc.id == vpc_id for gateway in ec2.internet_gateways.values()
    )
