"""Security groups with their rules, which LocalStack 4.14.0 ignores: its groups let no client in.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
"""

from typing import Any

from harness.emulator.cloudformation.parameters import PropertyError
from harness.emulator.cloudformation.provider import plugin_of
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType

_EVERYTHING: Model = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
"""What a new group lets out (https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html)."""
_PEERS = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}
_OTHERS = frozenset({"Description", "FromPort", "IpProtocol", "ToPort"})


def _permission(rule: Model) -> Model:
    """A rule of a template as the API has it."""
    if unknown := sorted(set(rule) - set(_PEERS) - _OTHERS):
        raise PropertyError(
            f"{', '.join(unknown)} of a security group's rule is not served here; give its ids and ranges."
        )
    permission: Model = {"IpProtocol": str(rule["IpProtocol"])}
    permission |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    for name, (field, member) in _PEERS.items():
        if rule.get(name):
            permission[field] = [{member: rule[name], **described}]
    return permission


def _finish(client: Any, before: Model | None, after: Model) -> None:
    group = {"GroupId": after["GroupId"]}
    _exchange(client.authorize_security_group_ingress, client.revoke_security_group_ingress, group, *(
        [_permission(rule) for rule in (state or {}).get("SecurityGroupIngress") or ()] for state in (before, after)
    ))  # fmt: skip
    # Declared rules replace the one that allows everything out.
    out_before, out_after = (
        [_permission(rule) for rule in (state or {}).get("SecurityGroupEgress") or ()] or [_EVERYTHING]
        for state in (before, after)
    )
    authorize, revoke = client.authorize_security_group_egress, client.revoke_security_group_egress
    _exchange(authorize, revoke, group, out_before, out_after)
    _tag(client, before, after)


def _exchange(authorize: Any, revoke: Any, group: Model, before: list[Model], after: list[Model]) -> None:
    if gone := [rule for rule in before if rule not in after]:
        revoke(**group, IpPermissions=gone)
    if added := [rule for rule in after if rule not in before]:
        authorize(**group, IpPermissions=added)


def _tag(client: Any, before: Model | None, after: Model) -> None:
    old, new = ({tag["Key"]: tag["Value"] for tag in (state or {}).get("Tags") or ()} for state in (before, after))
    if gone := sorted(old.keys() - new.keys()):
        client.delete_tags(Resources=[after["GroupId"]], Tags=[{"Key": key} for key in gone])
    if changed := {key: value for key, value in new.items() if old.get(key) != value}:
        client.create_tags(Resources=[after["GroupId"]], Tags=[{"Key": k, "Value": v} for k, v in changed.items()])


SECURITY_GROUP = ResourceType(
    name="AWS::EC2::SecurityGroup",
    service="ec2",
    create=ResourceOperation("CreateSecurityGroup"),
    delete=ResourceOperation("DeleteSecurityGroup", {"GroupId": "GroupId"}),
    ref="GroupId",
    attributes={"GroupId": "GroupId"},
    completed=frozenset({"Id"}),
    complete=lambda model, _account_id, _region: {**model, "Id": model["GroupId"]},
    renames={"GroupDescription": "Description"},
    generated_name="GroupName",
    replaced_by=frozenset({"GroupDescription", "GroupName", "VpcId"}),
    extra=frozenset({"SecurityGroupEgress", "SecurityGroupIngress", "Tags"}),
    finish_updates=frozenset({"SecurityGroupEgress", "SecurityGroupIngress", "Tags"}),
    finish=_finish,
    gone=("InvalidGroup.NotFound",),
)

security_group = plugin_of(SECURITY_GROUP)
