"""Storage: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service
from harness.aws.s3_actions import S3_ACTIONS

SERVICES = (
    Service("backup", sdk_id="Backup", read_call="list_backup_vaults"),
    Service("efs", sdk_id="EFS", read_call="describe_file_systems"),
    Service(
        "s3",
        title="S3",
        sdk_id="S3",
        cloudformation=("S3",),
        trigger="datasource",
        request_member="Bucket",
        sam_events=("S3",),
        called_by=("s3",),
        decider="notification",
        read_call="list_buckets",
        iam_actions=S3_ACTIONS,
        condition_keys={
            "s3:prefix": "Prefix",
            "s3:delimiter": "Delimiter",
            "s3:max-keys": "MaxKeys",
            "s3:versionid": "VersionId",
            "s3:x-amz-acl": "ACL",
            "s3:x-amz-server-side-encryption": "ServerSideEncryption",
            "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
            "s3:x-amz-storage-class": "StorageClass",
            "s3:x-amz-copy-source": "CopySource",
            "s3:x-amz-metadata-directive": "MetadataDirective",
        },
        documents=("Policy",),
        document_error="MalformedPolicy",
        pages_by_key=True,
        resources=(
            ResourceKind(
                ("AWS::S3::Bucket",),
                "bucket",
                title="S3 bucket",
                arns=(r"s3:(?P<name>[^/]+)",),
                name_property="BucketName",
                colour="storage",
                icon=icons.BUCKET,
                shape="cylinder",
            ),
            ResourceKind(("AWS::S3::BucketPolicy",), policy_of="Bucket"),
        ),
    ),
    Service("s3control", sdk_id="S3 Control", cloudformation=("S3ObjectLambda",), validation_error="InvalidRequest"),
)
