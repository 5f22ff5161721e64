"""The policies that are attached to resources, read from where the engine keeps them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html says which services have them.
"""

import json
from collections.abc import Callable
from typing import Any

from harness.emulator.access.engine_state import account_of
from harness.emulator.access.evaluation import Resource
from harness.emulator.access.policy import Policy, PolicyError, parse


def resource(arn: str, action: str) -> Resource:
    """The resource `arn` with the policies that speak about `action` on it."""
    if not arn.startswith("arn:"):
        return Resource(arn, None)
    prefix = arn.split(":", 3)[2]
    read = _READERS.get(prefix)
    try:
        document = read(arn, action) if read is not None else None
    except (KeyError, ValueError):
        document = None  # a client may ask about any ARN: the stores have no such region or account
    policies = () if document is None else (_parsed(arn, document),)
    required = prefix == "kms" or action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    # CreateKey and the lists are about no key yet.
    return Resource(arn, account_of(arn), policies, requires_policy=required and bool(policies))


def _parsed(arn: str, document: Any) -> Policy:
    text = document if isinstance(document, str) else json.dumps(document, default=str, sort_keys=True)
    try:
        return parse(f"policy of {arn}", text)
    except PolicyError:
        # The service accepted what IAM would not have; nothing is allowed by it.
        return Policy(f"policy of {arn}")


def _split(arn: str) -> tuple[str, str, str]:
    """Region, account, and what follows."""
    _, _, _, region, account_id, rest = arn.split(":", 5)
    return region, account_id, rest


def _queue(arn: str, _action: str) -> Any:
    from localstack.services.sqs.models import sqs_stores

    region, account_id, name = _split(arn)
    queue = sqs_stores[account_id][region].queues.get(name)
    return (queue.attributes.get("Policy") or None) if queue is not None else None


def _topic(arn: str, _action: str) -> Any:
    from localstack.services.sns.models import sns_stores

    region, account_id, _name = _split(arn)
    topic = sns_stores[account_id][region].topics.get(arn)
    return (topic["attributes"].get("Policy") or None) if topic is not None else None


def _function(arn: str, _action: str) -> Any:
    from localstack.services.lambda_.invocation.models import lambda_stores

    region, account_id, rest = _split(arn)
    parts = rest.split(":")
    if parts[0] != "function":
        return None
    function = lambda_stores[account_id][region].functions.get(parts[1])
    if function is None:
        return None
    policy = function.permissions.get(parts[2] if len(parts) > 2 else "$LATEST")
    return {"Statement": list(policy.policy.Statement)} if policy is not None else None


def _bus(arn: str, _action: str) -> Any:
    from localstack.services.events.models import events_stores

    region, account_id, rest = _split(arn)
    if not rest.startswith("event-bus/"):
        return None
    bus = events_stores[account_id][region].event_buses.get(rest.partition("/")[2])
    return bus.policy if bus is not None else None


def _bucket(arn: str, _action: str) -> Any:
    from localstack.services.s3.models import s3_stores

    name = arn.split(":", 5)[5].partition("/")[0]
    for _account, _region, store in s3_stores.iter_stores():
        if name in store.buckets:
            return store.buckets[name].policy or None
    return None


def _key(arn: str, _action: str) -> Any:
    from localstack.services.kms.models import kms_stores

    region, account_id, rest = _split(arn)
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


def _secret(arn: str, _action: str) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends

    region, account_id, _rest = _split(arn)
    for secret in list(secretsmanager_backends[account_id][region].secrets.values()):
        if secret.arn == arn:
            return secret.policy or None
    return None


def _role(arn: str, action: str) -> Any:
    from moto.iam.models import iam_backends

    _region, account_id, rest = _split(arn)
    if not action.startswith("sts:") or not rest.startswith("role/"):
        return None
    for role in list(iam_backends[account_id][arn.split(":")[1]].roles.values()):
        if role.arn == arn:
            return role.assume_role_policy_document
    return None


def _log_group(arn: str, _action: str) -> Any:
    """A region has resource policies for its log groups
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html)."""
    from moto.logs.models import logs_backends

    region, account_id, _rest = _split(arn)
    policies = list(logs_backends[account_id][region].resource_policies.values())
    statements = [s for p in policies for s in _statements(p.policy_document)]
    return {"Statement": statements} if statements else None


def _stream(arn: str, _action: str) -> Any:
    from moto.kinesis.models import kinesis_backends

    region, account_id, _rest = _split(arn)
    return kinesis_backends[account_id][region].resource_policies.get(arn)


def _table(arn: str, _action: str) -> Any:
    from moto.dynamodb.models import dynamodb_backends

    region, account_id, rest = _split(arn)
    # An index has no policy of its own: its table's speaks about it.
    table = arn if "/" not in rest else ":".join([*arn.split(":")[:5], "/".join(rest.split("/")[:2])])
    policy = dynamodb_backends[account_id][region].resource_policies.get(table)
    return policy.policy_doc if policy is not None else None


def _statements(document: str | None) -> list[Any]:
    try:
        found = json.loads(document or "{}").get("Statement") or []
    except (ValueError, AttributeError):
        return []  # the service accepted what is no policy
    return found if isinstance(found, list) else [found]


_READERS: dict[str, Callable[[str, str], Any]] = {
    "dynamodb": _table,
    "events": _bus,
    "iam": _role,
    "kinesis": _stream,
    "kms": _key,
    "lambda": _function,
    "logs": _log_group,
    "s3": _bucket,
    "secretsmanager": _secret,
    "sns": _topic,
    "sqs": _queue,
}
