"""The KMS keys that a call uses through another service: a call that uses data encrypted with
a customer's key needs permission to use the key. https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service

Keys that AWS manages (`alias/aws/…`, and keys that services own) allow every principal of the account through the service.
"""

from typing import Any

from harness.emulator.access.engine_state import account_of, key_arn
from harness.emulator.access.operation import Operation, RequestedAction

_WRITES = ("kms:GenerateDataKey", "kms:Decrypt")
_READS = ("kms:Decrypt",)
_NEEDED = {
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    "sns:Publish": _WRITES,
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    "sqs:SendMessage": _WRITES,
    "sqs:ReceiveMessage": _READS,
    # https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
    "kinesis:PutRecord": ("kms:GenerateDataKey",),
    "kinesis:PutRecords": ("kms:GenerateDataKey",),
    "kinesis:GetRecords": _READS,
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    "s3:GetObject": _READS,
    "s3:GetObjectVersion": _READS,
    "s3:PutObject": ("kms:GenerateDataKey",),
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    "secretsmanager:GetSecretValue": _READS,
    "secretsmanager:PutSecretValue": _WRITES,
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
    "ssm:GetParameter": _READS,
    "ssm:GetParameters": _READS,
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    **dict.fromkeys(
        (f"dynamodb:{name}" for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")), _READS
    ),
}
"""What the caller needs of the key, by the action that is asked for."""


def keys_used(operation: Operation, asked: RequestedAction) -> list[RequestedAction]:
    """What the caller is asked for besides: actions on the key behind the resource, through its service."""
    needed = _NEEDED.get(asked.action)
    if needed is None or not asked.resource.startswith("arn:") or asked.resource.count(":") < 5:
        return []
    if asked.action.startswith("ssm:") and not operation.parameters.get("WithDecryption"):
        return []
    service = asked.resource.split(":")[2]
    try:
        key = _key_of(service, operation, asked.resource)
    except (KeyError, ValueError):
        return []  # an ARN of a region or account that there is not
    if not key or "alias/aws/" in key:
        return []
    facts = {
        "kms:viaservice": (f"{service}.{operation.region}.amazonaws.com",),
        "kms:calleraccount": (operation.account_id,),
        "aws:viaawsservice": ("true",),
    }
    owner = account_of(asked.resource) or operation.account_id
    where = Operation(operation.service, operation.name, {}, owner, operation.region, operation.partition)
    return [RequestedAction(action, key_arn(key, where), facts=facts) for action in needed]


def _key_of(service: str, operation: Operation, arn: str) -> str | None:
    """The customer's key as the resource names it: by id, ARN or alias."""
    _, _, _, region, account_id, rest = arn.split(":", 5)
    found: Any = None
    match service:
        case "sns":
            from localstack.services.sns.models import sns_stores

            topic = sns_stores[account_id][region].topics.get(arn)
            found = topic["attributes"].get("KmsMasterKeyId") if topic is not None else None
        case "sqs":
            from localstack.services.sqs.models import sqs_stores

            queue = sqs_stores[account_id][region].queues.get(rest)
            found = queue.attributes.get("KmsMasterKeyId") if queue is not None else None
        case "kinesis":
            from moto.kinesis.models import kinesis_backends

            stream = kinesis_backends[account_id][region].streams.get(rest.split("/")[1])
            found = stream.key_id if stream is not None else None
        case "secretsmanager":
            from moto.secretsmanager.models import secretsmanager_backends

            secrets = list(secretsmanager_backends[account_id][region].secrets.values())
            found = next((s.kms_key_id for s in secrets if s.arn == arn), None)
        case "ssm":
            from moto.ssm.models import ssm_backends

            names = (rest.removeprefix("parameter/"), rest.removeprefix("parameter"))
            kept = ssm_backends[account_id][region]._parameters
            versions = next((kept[n] for n in names if n in kept), None)
            found = versions[-1].keyid if versions and versions[-1].parameter_type == "SecureString" else None
        case "dynamodb":
            from moto.dynamodb.models import dynamodb_backends

            table = dynamodb_backends[account_id][region].tables.get(rest.split("/")[1])
            specification = (table.sse_specification or {}) if table is not None else {}
            if specification.get("Enabled") in (True, "true") and not _managed_by_aws(specification):
                found = specification.get("KMSMasterKeyId")
        case "s3":
            found = _key_of_object(operation, rest)
    return str(found) if found else None


def _managed_by_aws(specification: dict[str, Any]) -> bool:
    """moto makes a key where none is named, as AWS has `alias/aws/dynamodb` for that."""
    from localstack.services.kms.models import kms_stores

    name = str(specification.get("KMSMasterKeyId")).rpartition("/")[2]
    return not any(name in store.keys for _, _, store in kms_stores.iter_stores()) and "alias/" not in str(
        specification.get("KMSMasterKeyId")
    )


def _key_of_object(operation: Operation, path: str) -> str | None:
    from localstack.services.s3.models import s3_stores

    name, _, key = path.partition("/")
    bucket = next((s.buckets[name] for _, _, s in s3_stores.iter_stores() if name in s.buckets), None)
    if bucket is None:
        return None
    if operation.name.startswith(("Get", "Head")):
        version = operation.parameters.get("VersionId")
        found = bucket.objects.get(key, version) if version else bucket.objects.get(key)
        return getattr(found, "kms_key_id", None) if getattr(found, "encryption", None) == "aws:kms" else None
    if operation.parameters.get("ServerSideEncryption") == "aws:kms":
        return operation.parameters.get("SSEKMSKeyId")
    default = (bucket.encryption_rule or {}).get("ApplyServerSideEncryptionByDefault") or {}
    asked_otherwise = operation.parameters.get("ServerSideEncryption")
    return default.get("KMSMasterKeyID") if default.get("SSEAlgorithm") == "aws:kms" and not asked_otherwise else None
