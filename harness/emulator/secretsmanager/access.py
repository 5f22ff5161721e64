"""How IAM sees Secrets Manager: what a call asks for, and the policies of resources."""

from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies


def install() -> None:
    asks("secretsmanager", _asked)
    keeps_policies("secretsmanager", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    if operation.name == "BatchGetSecretValue":
        named = parameters if (parameters := operation.parameters.get("SecretIdList")) else ()
        return [
            RequestedAction(action, "*"),
            *(RequestedAction("secretsmanager:GetSecretValue", secret_arn(str(s), operation)) for s in named),
        ]
    secret = operation.parameters.get("SecretId")
    if secret:
        return [RequestedAction(action, secret_arn(str(secret), operation))]
    if name := operation.parameters.get("Name"):
        return [RequestedAction(action, operation.arn("secretsmanager", f"secret:{name}"))]
    return None


def secret_arn(secret: str, operation: Operation) -> str:
    """The full ARN, with its random end, of a secret that is named by its name or by a part of its ARN."""
    from moto.secretsmanager.models import secretsmanager_backends

    account_id, region, name = operation.account_id, operation.region, secret
    if secret.startswith("arn:"):
        _, _, _, region, account_id, _, name = secret.split(":", 6)
    for known in list(secretsmanager_backends[account_id][region].secrets.values()):
        if name in (known.name, known.arn.rpartition(":")[2]):
            return str(known.arn)
    return operation.arn("secretsmanager", f"secret:{name}", region, account_id)


def _policy(arn: str, _action: str) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends

    region, account_id, _rest = split_arn(arn)
    for secret in list(secretsmanager_backends[account_id][region].secrets.values()):
        if secret.arn == arn:
            return secret.policy or None
    return None
