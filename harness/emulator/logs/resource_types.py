"""Completes LocalStack's resource types of CloudWatch Logs: changes in place, and properties that a creation ignores."""

from typing import Any

from harness.emulator.cloudformation.in_place import put_again, tags_of
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import Parameter
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _tags_by_key(tags: Any) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in tags}


_OF_A_FILTER = ("put_subscription_filter", "delete_subscription_filter")


def _log_group(update: Update) -> None:
    logs, group = update.client("logs"), update.after["LogGroupName"]
    if days := update.after.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=group, retentionInDays=int(days))
    elif update.gone("RetentionInDays"):
        logs.delete_retention_policy(logGroupName=group)
    if update.changes("Tags"):
        left, given = tags_of(update)
        arn = update.after["Arn"].removesuffix(":*")
        if left:
            logs.untag_resource(resourceArn=arn, tagKeys=left)
        if given:
            logs.tag_resource(resourceArn=arn, tags=given)


TYPES = (
    KnownType(
        "AWS::Logs::LogGroup",
        change=TypeUpdate(
            _log_group, takes=frozenset({"RetentionInDays", "Tags"}), completes=frozenset({"RetentionInDays"})
        ),
        parameters={
            "Tags": Parameter("tags", ("create_log_group",), _tags_by_key),
            "KmsKeyId": Parameter("kmsKeyId", ("create_log_group",)),
        },
        ignored={
            "BearerTokenAuthenticationEnabled": (False,),
            "DataProtectionPolicy": (),
            "DeletionProtectionEnabled": (False,),
            "FieldIndexPolicies": (),
            "LogGroupClass": ("STANDARD",),
            "ResourcePolicyDocument": (),
        },
    ),
    KnownType(
        "AWS::Logs::SubscriptionFilter",
        change=TypeUpdate(put_again),
        parameters={
            "FilterName": Parameter("filterName", _OF_A_FILTER),
            "RoleArn": Parameter("roleArn", _OF_A_FILTER[:1]),
            "Distribution": Parameter("distribution", _OF_A_FILTER[:1]),
        },
        ignored={
            "ApplyOnTransformedLogs": (False,),
            "EmitSystemFields": (),
            "FieldSelectionCriteria": (),
        },
    ),
)
