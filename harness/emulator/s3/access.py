"""How IAM sees S3: what a call asks for, and the policies of resources."""

from typing import Any
from urllib.parse import unquote

from harness.emulator.access.operation import Operation, RequestedAction, arn_or
from harness.emulator.access.services import asks, keeps_policies

_OF_OBJECTS = frozenset(
    {"RestoreObject", "AbortMultipartUpload", "ListMultipartUploadParts", "BypassGovernanceRetention"}
)
_VERSIONED = {
    "GetObject",
    "DeleteObject",
    "GetObjectAcl",
    "PutObjectAcl",
    "GetObjectTagging",
    "PutObjectTagging",
    "DeleteObjectTagging",
}
_READING = {"GetObject", "HeadObject"}


def install() -> None:
    asks("s3", _asked)
    keeps_policies("s3", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    bucket = parameters.get("Bucket")
    if not bucket:
        return [RequestedAction(action, "*")]
    bucket_arn = arn_or(str(bucket), lambda b: f"arn:{operation.partition}:s3:::{b}")
    if operation.name == "DeleteObjects":
        entries = (parameters.get("Delete") or {}).get("Objects") or ()
        return [
            RequestedAction("s3:DeleteObjectVersion" if o.get("VersionId") else action, f"{bucket_arn}/{o['Key']}")
            for o in entries
        ]
    name = action.partition(":")[2]
    key = parameters.get("Key")
    if key is None or not (name in _OF_OBJECTS or "Object" in name) or name.startswith("GetBucket"):
        return [RequestedAction(action, bucket_arn)]
    if parameters.get("VersionId") and name in _VERSIONED:
        action = f"s3:{name.replace('Object', 'ObjectVersion', 1)}"
    asked = [RequestedAction(action, f"{bucket_arn}/{key}")]
    if source := parameters.get("CopySource"):
        asked.insert(0, _copy_source(operation, source))
    if operation.name in _READING and lacks_object(str(bucket), str(key), parameters.get("VersionId")):
        # A caller that may not list the bucket does not learn that an object is missing, either
        # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax, "Permissions").
        asked.append(RequestedAction("s3:ListBucket", bucket_arn))
    if parameters.get("Tagging") and name == "PutObject":
        asked.append(RequestedAction("s3:PutObjectTagging", f"{bucket_arn}/{key}"))
    if parameters.get("ACL") and name == "PutObject":
        asked.append(RequestedAction("s3:PutObjectAcl", f"{bucket_arn}/{key}"))
    return asked


def _copy_source(operation: Operation, source: Any) -> RequestedAction:
    if isinstance(source, dict):
        path, version = f"{source['Bucket']}/{source['Key']}", source.get("VersionId")
    else:
        path, _, query = str(source).partition("?")
        version = query.partition("versionId=")[2]
        path = unquote(path).lstrip("/")
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    return RequestedAction(action, arn_or(path, lambda p: f"arn:{operation.partition}:s3:::{p}"))


def lacks_object(bucket: str, key: str, version: str | None) -> bool:
    """Whether there is such a bucket, and no such object in it."""
    from localstack.services.s3.models import s3_stores

    found = next((s.buckets[bucket] for _, _, s in s3_stores.iter_stores() if bucket in s.buckets), None)
    if found is None:
        return False
    return (found.objects.get(key, version) if version else found.objects.get(key)) is None


def _policy(arn: str, _action: str) -> Any:
    from localstack.services.s3.models import s3_stores

    name = arn.split(":", 5)[5].partition("/")[0]
    for _account, _region, store in s3_stores.iter_stores():
        if name in store.buckets:
            return store.buckets[name].policy or None
    return None
