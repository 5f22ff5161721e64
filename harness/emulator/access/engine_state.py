"""What the engine knows of the resources that a request names: aliases, full ARNs, keys of tables.

Service modules are imported where they are asked for: they load with their service, not at boot.
"""

import contextlib
import re
from typing import Any

from harness.emulator.access.operation import Operation
from harness.emulator.kinesis.iterators import ShardIterator


def partition_key(account_id: str, region: str, table: str) -> str | None:
    """The name of the table's partition key."""
    from moto.dynamodb.models import dynamodb_backends

    found = dynamodb_backends[account_id][region].tables.get(table)
    return str(found.hash_key_attr) if found is not None else None


def stream_of_iterator(iterator: str) -> str | None:
    """The ARN of the Kinesis stream that a shard iterator reads."""
    with contextlib.suppress(ValueError):
        return ShardIterator.decode(iterator).stream
    return None


def machine_of_task_token(token: str, operation: Operation) -> str | None:
    """The ARN of the state machine of which a task waits, or has waited, with this token; None for one of an activity."""
    from localstack.services.stepfunctions.asl.eval.callback.callback import ActivityCallbackEndpoint
    from localstack.services.stepfunctions.backend.store import sfn_stores

    for execution in list(sfn_stores[operation.account_id][operation.region].executions.values()):
        worker = execution.exec_worker
        endpoint = worker.env.callback_pool_manager.get(token) if worker is not None else None
        if endpoint is not None and not isinstance(endpoint, ActivityCallbackEndpoint):
            return str(execution.state_machine_arn)
    return None


def key_arn(key: str, operation: Operation) -> str:
    """The ARN of the KMS key that an id, an ARN or an alias means; as it is where there is no such alias."""
    from localstack.services.kms.models import kms_stores

    account_id, region, rest = operation.account_id, operation.region, key
    if key.startswith("arn:"):
        _, _, _, region, account_id, rest = key.split(":", 5)
    if rest.startswith("alias/"):
        alias = kms_stores[account_id][region].aliases.get(rest)
        if alias is None:
            return operation.arn("kms", rest, region, account_id)
        rest = str(alias.metadata["TargetKeyId"])
    return operation.arn("kms", f"key/{rest.removeprefix('key/')}", region, account_id)


def key_of_ciphertext(blob: bytes, operation: Operation) -> str | None:
    """The key that a text was encrypted with: LocalStack writes its id in front of it."""
    from localstack.services.kms.models import deserialize_ciphertext_blob, kms_stores

    try:
        key_id = deserialize_ciphertext_blob(blob).key_id
    except Exception:  # noqa: BLE001 - no text of KMS's, whatever is wrong with it; KMS says so itself
        return None
    for account_id, _region, store in kms_stores.iter_stores():
        if key_id in store.keys:
            return operation.arn("kms", f"key/{key_id}", account_id=account_id)
    return None


def lacks_object(bucket: str, key: str, version: str | None) -> bool:
    """Whether there is such a bucket, and no such object in it."""
    from localstack.services.s3.models import s3_stores

    found = next((s.buckets[bucket] for _, _, s in s3_stores.iter_stores() if bucket in s.buckets), None)
    if found is None:
        return False
    return (found.objects.get(key, version) if version else found.objects.get(key)) is None


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


def mail_identity(address: str, operation: Operation) -> str:
    """The identity that a mail from `address` is sent with: the address where SES knows it, else its domain where it knows
    that (https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html)."""
    from moto.ses.models import ses_backends

    known = ses_backends[operation.account_id][operation.region].email_identities
    domain = address.rpartition("@")[2]
    return domain if address not in known and domain in known else address


def iam_arn(kind: str, name: str, operation: Operation) -> str:
    """The ARN of a role, user, group or policy, with its path."""
    from moto.iam.models import iam_backends

    if name.startswith("arn:"):
        return name
    backend = iam_backends[operation.account_id][operation.partition]
    candidates: dict[str, Any] = {
        "role": {r.name: r for r in backend.roles.values()},
        "user": backend.users,
        "group": backend.groups,
    }
    found = candidates.get(kind, {}).get(name)
    return str(found.arn) if found is not None else operation.arn("iam", f"{kind}/{name}", region="")


def role_of_function(function: str, account_id: str, region: str) -> str | None:
    """The ARN of the execution role of a function, by its name or ARN."""
    from localstack.services.lambda_.invocation.models import lambda_stores

    parts = function.split(":")
    name = (parts[6] if len(parts) > 6 else "") if parts[0] == "arn" else parts[0]
    known = lambda_stores[account_id][region].functions.get(name)
    latest = known.latest() if known is not None else None
    return str(latest.config.role) if latest is not None else None


_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):(?P<service>[^:]*):(?P<region>[^:]*):(?P<account>[^:]*):(?P<rest>.+)", re.DOTALL
)


def account_of(arn: str) -> str | None:
    """The account that a resource is in; a bucket's ARN does not say it."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    if found["service"] == "s3":
        from localstack.services.s3.models import s3_stores

        bucket = found["rest"].partition("/")[0]
        for account_id, _region, store in s3_stores.iter_stores():
            if bucket in store.buckets:
                return str(store.buckets[bucket].bucket_account_id or account_id)
        return None
    return found["account"] or None
