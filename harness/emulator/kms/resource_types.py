"""Completes LocalStack's resource types of KMS: changes in place, and properties that a creation ignores."""

import json

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import Parameter, parameters_of, truth
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _key(update: Update) -> None:
    kms, key = update.client("kms"), update.after["KeyId"]
    if update.changes("KeyPolicy") and "KeyPolicy" in update.after:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(update.after["KeyPolicy"]))
    if update.changes("Description"):
        kms.update_key_description(KeyId=key, Description=update.after.get("Description", ""))
    if update.changes("EnableKeyRotation"):
        (kms.enable_key_rotation if truth(update.after.get("EnableKeyRotation")) else kms.disable_key_rotation)(
            KeyId=key
        )
    if update.changes("Enabled"):
        (kms.enable_key if truth(update.after.get("Enabled", True)) else kms.disable_key)(KeyId=key)


def _key_alias(update: Update) -> None:
    update.client("kms").update_alias(AliasName=update.after["AliasName"], TargetKeyId=update.after["TargetKeyId"])


TYPES = (
    KnownType("AWS::KMS::Alias", change=TypeUpdate(_key_alias)),
    KnownType(
        "AWS::KMS::Key",
        change=TypeUpdate(
            _key, takes=frozenset({"KeyPolicy", "Description", "EnableKeyRotation", "Enabled", "PendingWindowInDays"})
        ),
        parameters={
            "MultiRegion": Parameter("MultiRegion", ("create_key",), truth),
            "RotationPeriodInDays": Parameter("RotationPeriodInDays", ("enable_key_rotation",), int),
            "PendingWindowInDays": Parameter("PendingWindowInDays", ("schedule_key_deletion",), int),
            **parameters_of("create_key", "Origin"),
        },
        ignored={"BypassPolicyLockoutSafetyCheck": (True, False)},
    ),
)
