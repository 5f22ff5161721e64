"""How to remove resources that CloudFormation alone does not remove.

A template may let a resource outlive its stack (DeletionPolicy), a service may protect it, and a bucket must be empty. Each
kind defines what prevents its deletion and how it is removed without a stack.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from harness import aws
from harness.engine import Target

T = TypeVar("T")

KEY_WINDOW_DAYS = 7
"""The shortest period that KMS accepts (https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html)."""

_DELETE_AT_ONCE = 1000  # objects, the most that DeleteObjects accepts

# AWS refuses a change for a while after the last change of the resource; other targets accept it at once.
_PATIENCE_ON_AWS_SECONDS = 120.0
_PATIENCE_SECONDS = 5.0
_BUSY = frozenset(
    {
        "ConcurrentModificationException",
        "InvalidDBClusterStateFault",
        "InvalidDBInstanceState",
        "LimitExceededException",
        "OperationAborted",
        "OperationAbortedException",
        "ResourceConflictException",
        "ResourceInUseException",
    }
)
_GONE = re.compile(r"NotFound|NonExistent|DoesNotExist|^NoSuch|^404$")


@dataclass(frozen=True)
class RemovableKind:
    """One resource type.

    `arn` finds the physical id in the ARN (group 1); without a group the ARN is the id. `release` removes what prevents a
    deletion, if anything does. `remove` deletes the resource and returns what was done, or None if it was done before. Both
    raise ClientError, also for a resource that does not exist any more.
    """

    type: str
    arn: re.Pattern[str]
    remove: Callable[[Target, str], str | None]
    release: Callable[[Target, str], None] | None = None


def is_gone(error: ClientError) -> bool:
    """Whether AWS reports that the resource does not exist. Each service has its own code for it."""
    return _GONE.search(error.response["Error"].get("Code", "")) is not None


def release(target: Target, type_: str, physical_id: str) -> None:
    """Remove what prevents a resource's deletion. Raises ClientError."""
    kind = KINDS.get(type_)
    if kind is None or kind.release is None or not physical_id:
        return
    act = kind.release
    try:
        _patiently(target, lambda: act(target, physical_id))
    except ClientError as error:
        if not is_gone(error):
            raise


def remove(target: Target, kind: RemovableKind, physical_id: str) -> str | None:
    """Remove a resource with its protection; returns what was done, or None if it is deleted already. Raises ClientError."""
    try:
        release(target, kind.type, physical_id)
        return _patiently(target, lambda: kind.remove(target, physical_id))
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def kind_of_arn(arn: str) -> tuple[RemovableKind, str] | None:
    """The kind of the resource that an ARN names, and its physical id; None for unknown kinds."""
    for kind in KINDS.values():
        if (match := kind.arn.fullmatch(arn)) is not None:
            return kind, match[1] if kind.arn.groups else arn
    return None


def _patiently(target: Target, act: Callable[[], T]) -> T:
    deadline = time.monotonic() + (_PATIENCE_ON_AWS_SECONDS if target.is_aws else _PATIENCE_SECONDS)
    while True:
        try:
            return act()
        except ClientError as error:
            if error.response["Error"].get("Code") not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(5 if target.is_aws else 0.2)


def empty_bucket(target: Target, bucket: str) -> None:
    """Delete every version, every delete marker and every unfinished upload. Raises ClientError."""
    s3 = target.client("s3")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    # Always from the beginning: what was listed is deleted.
    while batch := _versions(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for refused in answer.get("Errors", []):
            details: Any = {"Code": refused["Code"], "Message": f"{refused['Key']}: {refused['Message']}"}
            raise ClientError({"Error": details}, "DeleteObjects")


def _versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket, MaxKeys=_DELETE_AT_ONCE)
    listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in listed]


def _remove_bucket(target: Target, bucket: str) -> str:
    target.client("s3").delete_bucket(Bucket=bucket)
    return "deleted"


def _unprotect_table(target: Target, table: str) -> None:
    dynamodb = target.client("dynamodb")
    if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)


def _remove_table(target: Target, table: str) -> str:
    target.client("dynamodb").delete_table(TableName=table)
    return "deleted"


def _unprotect_user_pool(target: Target, pool_id: str) -> None:
    cognito = target.client("cognito-idp")
    if cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"].get("DeletionProtection") == "ACTIVE":
        # This resets every other setting to its default, which does not matter: the pool is deleted next.
        cognito.update_user_pool(UserPoolId=pool_id, DeletionProtection="INACTIVE")


def _remove_user_pool(target: Target, pool_id: str) -> str:
    cognito = target.client("cognito-idp")
    pool = cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    for domain in filter(None, (pool.get("Domain"), pool.get("CustomDomain"))):
        cognito.delete_user_pool_domain(UserPoolId=pool_id, Domain=domain)
    cognito.delete_user_pool(UserPoolId=pool_id)
    return "deleted"


def _remove_key(target: Target, key_id: str) -> str | None:
    kms = target.client("kms")
    key = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    if key["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
        return None
    answer = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=KEY_WINDOW_DAYS)
    when = answer.get("DeletionDate")
    return f"scheduled for deletion on {when:%Y-%m-%d}" if when else "scheduled for deletion"


def _remove_log_group(target: Target, name: str) -> str:
    target.client("logs").delete_log_group(logGroupName=name)
    return "deleted"


def _remove_queue(target: Target, queue: str) -> str:
    sqs = target.client("sqs")
    url = queue if "://" in queue else sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    return "deleted"


def _remove_topic(target: Target, arn: str) -> str:
    sns = target.client("sns")
    sns.get_topic_attributes(TopicArn=arn)  # DeleteTopic answers the same for a topic that does not exist
    sns.delete_topic(TopicArn=arn)
    return "deleted"


def _remove_stream(target: Target, name: str) -> str:
    target.client("kinesis").delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    return "deleted"


def _remove_secret(target: Target, secret: str) -> str:
    secrets = target.client("secretsmanager")
    secrets.describe_secret(SecretId=secret)  # DeleteSecret with force does not report a secret that does not exist
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    return "deleted"


def _remove_function(target: Target, name: str) -> str:
    target.client("lambda").delete_function(FunctionName=name)
    return "deleted"


def _remove_layer_version(target: Target, arn: str) -> str:
    api = target.client("lambda")
    api.get_layer_version_by_arn(Arn=arn)  # DeleteLayerVersion does not report a version that does not exist
    layer, _, version = arn.rpartition(":")
    api.delete_layer_version(LayerName=layer, VersionNumber=int(version))
    return "deleted"


def _release_cluster(target: Target, cluster: str) -> None:
    rds = target.client("rds")
    if rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0].get("DeletionProtection"):
        rds.modify_db_cluster(DBClusterIdentifier=cluster, DeletionProtection=False, ApplyImmediately=True)


def _remove_cluster(target: Target, cluster: str) -> str:
    target.client("rds").delete_db_cluster(DBClusterIdentifier=cluster, SkipFinalSnapshot=True)
    return "deleted"


def _release_instance(target: Target, instance: str) -> None:
    rds = target.client("rds")
    described = rds.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"][0]
    if described.get("DeletionProtection") and not described.get("DBClusterIdentifier"):
        rds.modify_db_instance(DBInstanceIdentifier=instance, DeletionProtection=False, ApplyImmediately=True)


def _remove_instance(target: Target, instance: str) -> str:
    rds = target.client("rds")
    in_cluster = rds.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"][0].get("DBClusterIdentifier")
    # An instance of a cluster has neither snapshots nor backups.
    arguments = {} if in_cluster else {"SkipFinalSnapshot": True, "DeleteAutomatedBackups": True}
    rds.delete_db_instance(DBInstanceIdentifier=instance, **arguments)
    return "deleted"


def final_snapshots(target: Target, type_: str, physical_id: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The snapshots that were kept of a database, by name, each with a function that deletes it.

    CloudFormation creates one if the template of the database has no DeletionPolicy
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html). Raises ClientError.
    """
    if type_ not in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance"):
        return
    rds = target.client("rds")
    cluster = type_ == "AWS::RDS::DBCluster"
    part = "DBCluster" if cluster else "DB"
    list_all = "describe_db_cluster_snapshots" if cluster else "describe_db_snapshots"
    delete = rds.delete_db_cluster_snapshot if cluster else rds.delete_db_snapshot
    of = {"DBClusterIdentifier" if cluster else "DBInstanceIdentifier": physical_id}
    for page in rds.get_paginator(list_all).paginate(SnapshotType="manual", **of):
        for snapshot in page[f"{part}Snapshots"]:
            identifier = snapshot[f"{part}SnapshotIdentifier"]
            once = partial(delete, **{f"{part}SnapshotIdentifier": identifier})
            yield identifier, partial(_patiently, target, once)


def own_log_groups(target: Target, resources: Mapping[str, set[str]]) -> Iterator[str]:
    """The log groups that services may have created for these resources (physical ids by type).

    They belong to no stack and have no tags.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    Raises ClientError.
    """
    logs = target.client("logs")
    for type_, physical_ids in resources.items():
        for physical_id in sorted(physical_ids if type_ in aws.TYPES else ()):
            for pattern in aws.TYPES[type_].log_groups:
                name = pattern.format(physical_id.rsplit(":", 1)[-1], region=target.region, account=target.account_id)
                if not name.endswith("/"):
                    yield name
                    continue
                for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
                    yield from (group["logGroupName"] for group in page["logGroups"])


def _kind(
    type_: str,
    arn: str,
    remove: Callable[[Target, str], str | None],
    release: Callable[[Target, str], None] | None = None,
) -> tuple[str, RemovableKind]:
    return type_, RemovableKind(type_, re.compile(f"arn:[^:]+:{arn}"), remove, release)


KINDS: Mapping[str, RemovableKind] = dict(
    (
        _kind(
            "AWS::Cognito::UserPool", r"cognito-idp:[^:]+:\d+:userpool/(.+)", _remove_user_pool, _unprotect_user_pool
        ),
        _kind("AWS::DynamoDB::Table", r"dynamodb:[^:]+:\d+:table/([^/]+)", _remove_table, _unprotect_table),
        _kind("AWS::KMS::Key", r"kms:[^:]+:\d+:key/(.+)", _remove_key),
        _kind("AWS::Kinesis::Stream", r"kinesis:[^:]+:\d+:stream/([^/]+)", _remove_stream),
        _kind("AWS::Lambda::Function", r"lambda:[^:]+:\d+:function:([^:]+)", _remove_function),
        _kind("AWS::Lambda::LayerVersion", r"lambda:[^:]+:\d+:layer:[^:]+:\d+", _remove_layer_version),
        _kind("AWS::Logs::LogGroup", r"logs:[^:]+:\d+:log-group:([^:]+)(?::\*)?", _remove_log_group),
        _kind("AWS::RDS::DBCluster", r"rds:[^:]+:\d+:cluster:(.+)", _remove_cluster, _release_cluster),
        _kind("AWS::RDS::DBInstance", r"rds:[^:]+:\d+:db:(.+)", _remove_instance, _release_instance),
        _kind("AWS::S3::Bucket", r"s3:::([^/]+)", _remove_bucket, empty_bucket),
        _kind("AWS::SNS::Topic", r"sns:[^:]+:\d+:[^:]+", _remove_topic),
        _kind("AWS::SQS::Queue", r"sqs:[^:]+:\d+:(.+)", _remove_queue),
        _kind("AWS::SecretsManager::Secret", r"secretsmanager:[^:]+:\d+:secret:.+", _remove_secret),
    )
)
"""By CloudFormation's type name."""
