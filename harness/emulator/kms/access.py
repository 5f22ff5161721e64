"""How IAM sees KMS: what a call asks for, its condition keys, and the policies of resources."""

import json
from typing import Any

from harness.emulator.access.engine_state import key_arn, split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import Found, adds_facts, asks, keeps_policies


def install() -> None:
    asks("kms", _asked)
    adds_facts("kms", _facts)
    keeps_policies("kms", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    if operation.name == "ReEncrypt":
        source = parameters.get("SourceKeyId")
        read = (
            key_arn(source, operation)
            if source
            else key_of_ciphertext(parameters.get("CiphertextBlob") or b"", operation)
        )
        write = key_arn(parameters["DestinationKeyId"], operation)
        return [RequestedAction("kms:ReEncryptFrom", read or "*"), RequestedAction("kms:ReEncryptTo", write)]
    named = parameters.get("KeyId") or parameters.get("TargetKeyId")
    if named:
        return [RequestedAction(action, key_arn(str(named), operation))]
    if blob := parameters.get("CiphertextBlob"):
        found = key_of_ciphertext(blob, operation)
        return [RequestedAction(action, found)] if found else None
    return None


def key_of_ciphertext(blob: bytes, operation: Operation) -> str | None:
    """The key that a text was encrypted with: LocalStack writes its id in front of it."""
    from localstack.services.kms.models import deserialize_ciphertext_blob, kms_stores

    try:
        key_id = deserialize_ciphertext_blob(blob).key_id
    except Exception:  # noqa: BLE001 - no ciphertext of KMS, for any reason; KMS returns the error itself
        return None
    for account_id, _region, store in kms_stores.iter_stores():
        if key_id in store.keys:
            return operation.arn("kms", f"key/{key_id}", account_id=account_id)
    return None


def _facts(operation: Operation) -> Found:
    context = operation.parameters.get("EncryptionContext") or {}
    facts: Found = {f"kms:encryptioncontext:{k}".lower(): (str(v),) for k, v in context.items()}
    if context:
        facts["kms:encryptioncontextkeys"] = tuple(str(k) for k in context)
    return facts


def _policy(arn: str, _action: str) -> Any:
    from localstack.services.kms.models import kms_stores

    region, account_id, rest = split_arn(arn)
    key = kms_stores[account_id][region].keys.get(rest.removeprefix("key/"))
    if key is None:
        return None
    document = json.loads(key.policy)
    grants = [
        _as_statement(g.metadata)
        for g in list(kms_stores[account_id][region].grants.values())
        if g.metadata["KeyArn"] == arn
    ]
    return {**document, "Statement": [*document["Statement"], *grants]} if grants else key.policy


def _as_statement(grant: dict[str, Any]) -> dict[str, Any]:
    """A grant allows its operations to one principal, where the encryption context is as it says
    (https://docs.aws.amazon.com/kms/latest/developerguide/grants.html)."""
    condition: dict[str, dict[str, Any]] = {}
    constraints = grant.get("Constraints") or {}
    for context in (constraints.get("EncryptionContextSubset"), constraints.get("EncryptionContextEquals")):
        for key, value in (context or {}).items():
            condition.setdefault("StringEquals", {})[f"kms:EncryptionContext:{key}"] = value
    if equals := constraints.get("EncryptionContextEquals"):
        condition["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": list(equals)}
    return {
        "Sid": f"Grant {grant['GrantId']}",
        "Effect": "Allow",
        "Principal": {"AWS": grant["GranteePrincipal"]},
        "Action": [f"kms:{operation}" for operation in grant.get("Operations") or ()],
        "Resource": "*",
        "Condition": condition,
    }
