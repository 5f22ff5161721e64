"""Completes LocalStack's resource types of Secrets Manager: changes in place, and properties that a creation ignores."""

from typing import Any

from harness.emulator.cloudformation.in_place import put_again
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _secret(update: Update) -> None:
    manager, given = update.client("secretsmanager"), {}
    for name in ("Description", "KmsKeyId", "SecretString"):
        if update.changes(name):
            given[name] = update.after.get(name, "")
    if update.changes("GenerateSecretString") and (generate := update.after.get("GenerateSecretString")) is not None:
        # A changed recipe makes a new version of the secret, an unchanged one never.
        provider: Any = update.provider
        value = provider._get_secret_value(generate)
        if template := generate.get("SecretStringTemplate"):
            value = provider._modify_secret_template(template, value, generate)
        given["SecretString"] = value
    if given:
        manager.update_secret(SecretId=update.after["Id"], **given)
    if update.changes("Tags"):
        before, after = (
            {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()} for one in (update.before, update.after)
        )
        if left := sorted(before.keys() - after.keys()):
            manager.untag_resource(SecretId=update.after["Id"], TagKeys=left)
        if after:
            manager.tag_resource(SecretId=update.after["Id"], Tags=update.after["Tags"])


TYPES = (
    KnownType("AWS::SecretsManager::ResourcePolicy", change=TypeUpdate(put_again)),
    KnownType("AWS::SecretsManager::RotationSchedule", change=TypeUpdate(put_again)),
    KnownType(
        "AWS::SecretsManager::Secret",
        change=TypeUpdate(
            _secret,
            takes=frozenset({"Description", "KmsKeyId", "SecretString", "GenerateSecretString", "Tags"}),
        ),
        ignored={"ReplicaRegions": ([],), "Type": ()},
    ),
)
