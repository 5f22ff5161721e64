"""Settings of an S3 bucket that LocalStack's provider ignores: encryption, lifecycle, logging, ownership, public access
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html)."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.emulator.cloudformation.in_place import put_again
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import truth
from harness.emulator.cloudformation.updates import TypeUpdate, Update

Settings = dict[str, Any]


def complete_bucket(update: Update) -> None:
    """Put every setting that has changed, and remove those that the template no longer has."""
    s3, bucket = update.client("s3"), update.after["BucketName"]
    for name, (operation, parameters) in SETTINGS.items():
        if not update.changes(name):
            continue
        if (value := update.after.get(name)) is not None:
            getattr(s3, f"put_{operation}")(Bucket=bucket, **parameters(value))
        elif operation in _PUT_EMPTY:
            s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
        elif operation == "bucket_accelerate_configuration":
            s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
        else:
            # Lifecycle is put with a configuration, and deleted without the word.
            getattr(s3, f"delete_{operation.removesuffix('_configuration')}")(Bucket=bucket)


def _encryption(value: Settings) -> Settings:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        given: Settings = {}
        if default := rule.get("ServerSideEncryptionByDefault"):
            given["ApplyServerSideEncryptionByDefault"] = default
        if "BucketKeyEnabled" in rule:
            given["BucketKeyEnabled"] = truth(rule["BucketKeyEnabled"])
        rules.append(given)
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _public_access(value: Settings) -> Settings:
    return {"PublicAccessBlockConfiguration": {name: truth(each) for name, each in value.items()}}


def _ownership(value: Settings) -> Settings:
    return {"OwnershipControls": value}


def _accelerate(value: Settings) -> Settings:
    return {"AccelerateConfiguration": {"Status": value["AccelerationStatus"]}}


def _logging(value: Settings) -> Settings:
    enabled = {"TargetPrefix": value.get("LogFilePrefix", "")}
    if target := value.get("DestinationBucketName"):
        enabled["TargetBucket"] = target
    if key_format := value.get("TargetObjectKeyFormat"):
        enabled["TargetObjectKeyFormat"] = key_format
    return {"BucketLoggingStatus": {"LoggingEnabled": enabled}}


def _lifecycle(value: Settings) -> Settings:
    given: Settings = {"LifecycleConfiguration": {"Rules": [lifecycle_rule(rule) for rule in value.get("Rules", ())]}}
    if size := value.get("TransitionDefaultMinimumObjectSize"):
        given["TransitionDefaultMinimumObjectSize"] = size
    return given


def lifecycle_rule(rule: Settings) -> Settings:
    """A rule as PutBucketLifecycleConfiguration takes it
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html)."""
    given: Settings = {"Status": rule["Status"], "Filter": _filter(rule)}
    if "Id" in rule:
        given["ID"] = rule["Id"]
    if expiration := _renamed(rule, _EXPIRATION):
        given["Expiration"] = expiration
    noncurrent = _renamed(rule.get("NoncurrentVersionExpiration") or rule, _NONCURRENT)
    if noncurrent:
        given["NoncurrentVersionExpiration"] = noncurrent
    if transitions := _either(rule, "Transitions", "Transition"):
        given["Transitions"] = [_renamed(one, _TRANSITION) for one in transitions]
    if transitions := _either(rule, "NoncurrentVersionTransitions", "NoncurrentVersionTransition"):
        given["NoncurrentVersionTransitions"] = [_renamed(one, _NONCURRENT_TRANSITION) for one in transitions]
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        given["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(abort["DaysAfterInitiation"])}
    return given


def _either(rule: Settings, several: str, one: str) -> list[Settings]:
    return list(rule.get(several) or ([rule[one]] if one in rule else ()))


def _filter(rule: Settings) -> Settings:
    """One condition stands alone, several stand in And."""
    conditions: Settings = {}
    if rule.get("Prefix") is not None:
        conditions["Prefix"] = rule["Prefix"]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in rule:
            conditions[name] = int(rule[name])
    tags = rule.get("TagFilters") or []
    if len(conditions) + len(tags) > 1:
        return {"And": {**conditions, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return conditions or {"Prefix": ""}


_Rename = Mapping[str, tuple[str, Callable[[Any], Any]]]
_EXPIRATION: _Rename = {
    "ExpirationInDays": ("Days", int),
    "ExpirationDate": ("Date", str),
    "ExpiredObjectDeleteMarker": ("ExpiredObjectDeleteMarker", truth),
}
_NONCURRENT: _Rename = {
    "NoncurrentDays": ("NoncurrentDays", int),
    "NoncurrentVersionExpirationInDays": ("NoncurrentDays", int),
    "NewerNoncurrentVersions": ("NewerNoncurrentVersions", int),
}
_TRANSITION: _Rename = {
    "TransitionInDays": ("Days", int),
    "TransitionDate": ("Date", str),
    "StorageClass": ("StorageClass", str),
}
_NONCURRENT_TRANSITION: _Rename = {
    "TransitionInDays": ("NoncurrentDays", int),
    "NewerNoncurrentVersions": ("NewerNoncurrentVersions", int),
    "StorageClass": ("StorageClass", str),
}


def _renamed(properties: Settings, names: _Rename) -> Settings:
    return {name: as_type(properties[key]) for key, (name, as_type) in names.items() if key in properties}


SETTINGS: Mapping[str, tuple[str, Callable[[Settings], Settings]]] = {
    "OwnershipControls": ("bucket_ownership_controls", _ownership),
    "PublicAccessBlockConfiguration": ("public_access_block", _public_access),
    "BucketEncryption": ("bucket_encryption", _encryption),
    "LifecycleConfiguration": ("bucket_lifecycle_configuration", _lifecycle),
    "LoggingConfiguration": ("bucket_logging", _logging),
    "AccelerateConfiguration": ("bucket_accelerate_configuration", _accelerate),
}
"""By property: the operation without its verb, and its parameters."""
_PUT_EMPTY = frozenset({"bucket_logging"})


def _bucket(update: Update) -> None:
    s3, bucket = update.client("s3"), update.after["BucketName"]
    if update.gone("NotificationConfiguration"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    if update.gone("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    if update.gone("CorsConfiguration"):
        s3.delete_bucket_cors(Bucket=bucket)
    if update.gone("WebsiteConfiguration"):
        s3.delete_bucket_website(Bucket=bucket)
    if update.gone("Tags"):
        s3.delete_bucket_tagging(Bucket=bucket)
    put_again(update)


TYPES = (
    KnownType(
        "AWS::S3::Bucket",
        change=TypeUpdate(_bucket, completes=frozenset(SETTINGS), complete=complete_bucket),
        ignored={
            "AbacStatus": ("Disabled",),
            "AnalyticsConfigurations": ([],),
            "BucketNamePrefix": (),
            "BucketNamespace": (),
            "IntelligentTieringConfigurations": ([],),
            "InventoryConfigurations": ([],),
            "MetadataConfiguration": (),
            "MetadataTableConfiguration": (),
            "MetricsConfigurations": ([],),
            "ReplicationConfiguration": (),
        },
    ),
    KnownType("AWS::S3::BucketPolicy", change=TypeUpdate(put_again)),
)
